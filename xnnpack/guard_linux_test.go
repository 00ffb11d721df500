//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// overread is how many elements a kernel may read past the end of src: as many
// as upstream says, which marks some kernels XNN_OOB_READS.
func overread(k ukernel.Kernel) int {
	if k.Family != ukernel.RAddStoreExpMinusMax && k.Family != ukernel.VMulC {
		return 0
	}
	switch k.ISA {
	case ukernel.SSE, ukernel.SSE2, ukernel.NEON, ukernel.NEONFMA:
		return 3
	}
	return 0
}

// guarded returns n elements between two pages that can't be accessed, hard
// against the second one or the first one.
func guarded(t *testing.T, n int, atEnd bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	inner := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for _, guard := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if atEnd {
		at = page + inner - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), n)
}

// TestGuardPages calls every kernel at every length with src and dst hard
// against a page that can't be accessed, at their beginning and at their end. A
// kernel that writes outside, or reads outside by more than overread says, ends
// the test program with a signal that names the address.
func TestGuardPages(t *testing.T) {
	for _, atEnd := range []bool{false, true} {
		in, out := guarded(t, longest, atEnd), guarded(t, longest, atEnd)
		inputs.Uniform10.Fill(in, 1)
		runnable(t, func(t *testing.T, k ukernel.Kernel, fn ukernel.Func) {
			in := in[:longest-overread(k)]
			for n := 1; n <= len(in); n++ {
				a := ukernel.Args{Src: in[:n], Dst: out[:n], Max: 10, Scale: 1}
				if atEnd {
					a.Src, a.Dst = in[len(in)-n:], out[longest-n:]
				}
				fn.Call(a)
			}
		})
	}
}
