//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// overread is how many elements a kernel may read past the end of src: as many
// as upstream says, which marks some kernels XNN_OOB_READS.
func overread(k ukernel.Kernel) int {
	if k.Family.Half() {
		switch k.ISA {
		case ukernel.F16C, ukernel.AVX2, ukernel.NEONFP16ARITH:
			return 7
		}
	}
	if k.Family != ukernel.RAddStoreExpMinusMax && k.Family != ukernel.VMulC {
		return 0
	}
	switch k.ISA {
	case ukernel.SSE, ukernel.SSE2, ukernel.NEON, ukernel.NEONFMA:
		return 3
	}
	return 0
}

// pages returns n elements between two pages that can't be accessed, hard
// against the second one or the first one.
func pages(t *testing.T, n int, atEnd bool) []float32 {
	t.Helper()
	x := guarded.Pages[float32](t, n)
	if atEnd {
		return x[len(x)-n:]
	}
	return x[:n:n]
}

// as is the first or last elements of a slice's memory, as many as it has.
func as[T uint8 | uint16](s []float32, atEnd bool) []T {
	var x T
	n := 4 / int(unsafe.Sizeof(x)) * len(s)
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(s))), n)
	if atEnd {
		return all[n-len(s):]
	}
	return all[:len(s)]
}

// ends are n elements of a row: the first ones, or the last ones but for so many that
// may be read as well.
func ends[T any](row []T, n, over int, atEnd bool) []T {
	if atEnd {
		return row[len(row)-over-n : len(row)-over]
	}
	return row[:n]
}

// TestGuardPages calls every kernel at every length with src and dst hard
// against a page that can't be accessed, at their beginning and at their end. A
// kernel that writes outside, or reads outside by more than overread says, ends
// the test program with a signal that names the address.
func TestGuardPages(t *testing.T) {
	for _, atEnd := range []bool{false, true} {
		in, out := pages(t, longest, atEnd), pages(t, longest, atEnd)
		inputs.Uniform10.Fill(in, 1)
		in16, out16 := as[uint16](in, atEnd), as[uint16](out, atEnd)
		in8, out8 := as[uint8](in, atEnd), as[uint8](out, atEnd)
		table := slices.Repeat([]uint32{1}, 256)
		runnable(t, func(t *testing.T, k ukernel.Kernel, fn ukernel.Func) {
			over := overread(k)
			for n := 1; n <= longest-over; n++ {
				fn.Call(ukernel.Args{
					Src: ends(in, n, over, atEnd), Dst: ends(out, n, 0, atEnd), Max: 10, Scale: 1, Table: table,
					Half: ends(in16, n, over, atEnd), Dst16: ends(out16, n, 0, atEnd),
					Src8: ends(in8, n, over, atEnd), Dst8: ends(out8, n, 0, atEnd),
				})
			}
		})
	}
}
