// Package kerneltest has the tests that every package of kernels needs.
package kerneltest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model/modeltest"
)

// EnvISA is the environment variable that claims a level: a run in which kernels of that
// ISA or of narrower ones are not run, since the CPU can't, fails.
const EnvISA = "TWOPASS_TEST_ISA"

// Claimed is the level of [EnvISA], Scalar if there is none.
func Claimed() (ukernel.ISA, error) {
	name := os.Getenv(EnvISA)
	if name == "" {
		return ukernel.Scalar, nil
	}
	isa, ok := ukernel.ParseISA(name)
	if !ok || isa.Arch() != "" && isa.Arch() != runtime.GOARCH {
		return 0, fmt.Errorf("%s=%q is no ISA of %s", EnvISA, name, runtime.GOARCH)
	}
	return isa, nil
}

// Main is for TestMain: it runs the tests, says in one line how many of the kernels were
// not run and why, if any, and returns the exit status.
func Main(m *testing.M, kernels []ukernel.Func) int {
	status := m.Run()
	line, missing := notRun(kernels, ukernel.ISA.Supported)
	if line != "" {
		fmt.Println(line)
	}
	isa, err := Claimed()
	if err == nil && line != "" && missing <= isa {
		err = fmt.Errorf("%s=%v says that this CPU has %v", EnvISA, isa, missing)
	}
	if err != nil {
		fmt.Println("FAIL:", err)
		return 1
	}
	return status
}

// notRun is the line that says which kernels can't be run, empty if all can, and the
// narrowest ISA among theirs.
func notRun(kernels []ukernel.Func, supported func(ukernel.ISA) bool) (line string, narrowest ukernel.ISA) {
	count, total := make(map[ukernel.ISA]int), 0
	for _, f := range kernels {
		if isa := ukernel.MustParse(f.Name).ISA; !supported(isa) {
			count[isa]++
			total++
		}
	}
	var why []string
	for _, isa := range slices.Backward(ukernel.ISAs()) {
		if count[isa] > 0 {
			why = append(why, fmt.Sprintf("%d of %v", count[isa], isa))
			narrowest = isa
		}
	}
	if total == 0 {
		return "", 0
	}
	slices.Reverse(why)
	return fmt.Sprintf("%d of %d kernels were not run, as this CPU, or GODEBUG, has no such instructions: %s", total, len(kernels), strings.Join(why, ", ")), narrowest
}

// Complete holds that the kernels, without those that are ours, are all of
// upstream's kernels for an architecture, or the scalar ones if it is empty. Those for
// AVX512FP16, which Go's assembler lacks, have no twins.
func Complete(t *testing.T, kernels []ukernel.Func, arch string) {
	var want, got []string
	for _, k := range ukernel.Upstream() {
		if k.ISA.Arch() == arch && k.ISA != ukernel.AVX512FP16 {
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

// Model holds each kernel's bits against the model's, at the lengths that
// [modeltest.Test] takes and at more.
func Model(t *testing.T, kernels []ukernel.Func, more ...int) {
	modeltest.Test(t, kernels, modeltest.Options{Lengths: more})
}

// Goroutines runs kernels in many goroutines with fresh, small stacks that
// the collector moves about, and holds that the results stay what they are.
func Goroutines(t *testing.T, kernels []ukernel.Func) {
	src := inputs.Normal.Row(1, 1000)
	each(t, kernels, func(t *testing.T, k ukernel.Kernel, f ukernel.Func) {
		args := inputs.Args(k.Family, 2, src)
		want := f.Call(args)
		wantDst, wantDst16, wantDst8 := slices.Clone(args.Dst), slices.Clone(args.Dst16), slices.Clone(args.Dst8)
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
					args.Dst16, args.Dst8 = make([]uint16, len(args.Dst16)), make([]uint8, len(args.Dst8))
					var result ukernel.Result
					deep(10, func() { result = f.Call(args) })
					if result != want || !slices.Equal(args.Dst, wantDst) || !slices.Equal(args.Dst16, wantDst16) || !slices.Equal(args.Dst8, wantDst8) {
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
