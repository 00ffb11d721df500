//go:build unix

// Package kerneltest has the tests that every package of kernels needs.
package kerneltest

import (
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// Complete holds that the kernels, without those that are ours, are all of
// upstream's kernels for an architecture, or the scalar ones if it is empty.
func Complete(t *testing.T, kernels []ukernel.Func, arch string) {
	var want, got []string
	for _, k := range ukernel.Upstream() {
		if k.ISA.Arch() == arch {
			want = append(want, k.Name)
		}
	}
	for _, f := range kernels {
		if !ukernel.MustParse(f.Name).Ours {
			got = append(got, f.Name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d kernels: %q, want %d: %q", len(got), got, len(want), want)
	}
}

// each runs a subtest for each kernel, and skips those that this CPU can't run.
func each(t *testing.T, kernels []ukernel.Func, test func(t *testing.T, k ukernel.Kernel, f ukernel.Func)) {
	for _, f := range kernels {
		k := ukernel.MustParse(f.Name)
		t.Run(k.Name, func(t *testing.T) {
			if !k.ISA.Supported() {
				t.Skipf("this CPU has no %v", k.ISA)
			}
			test(t, k, f)
		})
	}
}

// lengths are all that take every path through a kernel: no, one and two turns
// of the main loop, every number of vectors after it, every tail.
func lengths(k ukernel.Kernel) []int {
	var ns []int
	for n := 1; n <= 2*max(k.Tile, 4*k.Lanes())+k.Lanes(); n++ {
		ns = append(ns, n)
	}
	return ns
}

// page is a mapping between two pages that can't be touched.
type page struct{ mem []float32 }

func newPage(t *testing.T, floats int) *page {
	t.Helper()
	size := syscall.Getpagesize()
	inner := (4*floats + size - 1) / size * size
	b, err := syscall.Mmap(-1, 0, inner+2*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{b[:size], b[size+inner:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return &page{unsafe.Slice((*float32)(unsafe.Pointer(&b[size])), inner/4)}
}

// first and last are the n floats at either end.
func (p *page) first(n int) []float32 { return p.mem[:n:n] }
func (p *page) last(n int) []float32  { return p.mem[len(p.mem)-n:] }

// Model holds each kernel's bits against the model's, for all lengths that
// differ, and more, and all classes of rows, with the operands at either end of
// their pages: a kernel that reads or writes beyond them crashes. The length
// picks the class of the row, so that each class meets each path sooner or later.
func Model(t *testing.T, kernels []ukernel.Func, more ...int) {
	longest := slices.Max(append(more, 1))
	for _, f := range kernels {
		longest = max(longest, slices.Max(lengths(ukernel.MustParse(f.Name))))
	}
	srcPage, dstPage := newPage(t, longest+1), newPage(t, longest+1)
	classes := inputs.Classes()
	each(t, kernels, func(t *testing.T, k ukernel.Kernel, f ukernel.Func) {
		for _, n := range append(lengths(k), more...) {
			for turn := range 3 {
				class := classes[(n+turn*7)%len(classes)]
				row := class.Row(uint64(n*3+turn), n)
				args := inputs.Args(k.Family, uint64(n+turn), row)
				want := args
				if k.Family.Stores() {
					want.Dst = make([]float32, n)
				}
				wantResult, err := model.Run(k, want)
				if err != nil {
					t.Fatal(err)
				}
				got := args
				for end, at := range []func(p *page, n int) []float32{(*page).first, (*page).last} {
					got.Src = at(srcPage, n)
					copy(got.Src, row)
					if k.Family.Stores() {
						got.Dst = at(dstPage, n)
						if turn == 2 {
							got.Dst = got.Src // in place
						}
					}
					// What lies beside the operands is not theirs to change.
					var canary *float32
					if k.Family.Stores() {
						canary = &dstPage.mem[n]
						if turn == 2 {
							canary = &srcPage.mem[n]
						}
						if end == 1 {
							canary = (*float32)(unsafe.Add(unsafe.Pointer(&got.Dst[0]), -4))
						}
						*canary = 12345
					}
					result := f.Call(got)
					if !result.Same(k.Family, wantResult) {
						t.Fatalf("length %d, class %v: result %x, want %x", n, class, result, wantResult)
					}
					for i := range got.Dst {
						if !ukernel.Same(got.Dst[i], want.Dst[i]) {
							t.Fatalf("length %d, class %v: dst[%d] = %x, want %x", n, class, i, got.Dst[i], want.Dst[i])
						}
					}
					if canary != nil && *canary != 12345 {
						t.Fatalf("length %d, class %v: wrote beside dst", n, class)
					}
				}
			}
		}
	})
}

// Goroutines runs kernels in many goroutines with fresh, small stacks that
// the collector moves about, and holds that the results stay what they are.
func Goroutines(t *testing.T, kernels []ukernel.Func) {
	src := inputs.Normal.Row(1, 1000)
	each(t, kernels, func(t *testing.T, k ukernel.Kernel, f ukernel.Func) {
		args := inputs.Args(k.Family, 2, src)
		want := f.Call(args)
		wantDst := slices.Clone(args.Dst)
		stop := make(chan struct{})
		var collector, wg sync.WaitGroup
		collector.Add(1)
		go func() {
			defer collector.Done()
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		}()
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 20 {
					args := args
					if k.Family.Stores() {
						args.Dst = make([]float32, len(src))
					}
					var result ukernel.Result
					deep(10, func() { result = f.Call(args) })
					if result != want || !slices.Equal(args.Dst, wantDst) {
						t.Errorf("result %v, want %v", result, want)
						return
					}
				}
			}()
		}
		wg.Wait()
		close(stop)
		collector.Wait()
	})
}

// deep calls f below so many frames, so that stacks grow around the kernel.
func deep(n int, f func()) byte {
	var pad [100]byte
	if n == 0 {
		f()
		return 0
	}
	pad[n] = deep(n-1, f)
	return pad[n]
}
