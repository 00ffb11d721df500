// Package operands makes what kernels are called with.
package operands

import (
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Line is the number of float32 in 64 bytes.
const Line = 16

// Aligned returns n elements from a 64-byte boundary on.
func Aligned(n int) []float32 {
	s := make([]float32, n+Line)
	at := 0
	for uintptr(unsafe.Pointer(&s[at]))%64 != 0 {
		at++
	}
	return s[at : at+n]
}

// Narrow adds what families of binary16 numbers and of bytes read, made from a.Src.
func Narrow(a ukernel.Args, seed uint64) ukernel.Args {
	a.Half = inputs.Halves(a.Src)
	a.Src8 = inputs.Bytes(a.Src)
	a.Table = inputs.Table(seed, a.Src8)
	return a
}
