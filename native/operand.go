package native

import (
	"math"
	"unsafe"
)

// format is how elements or results are stored.
type format uint8

const (
	isFloat32 format = iota
	isFloat16
	isBFloat16
)

// operand is a row of elements or of results: floats, or 16-bit words.
type operand struct {
	format format
	f      []float32
	h      []uint16
}

func operandOf[T Element](x []T) operand {
	n, p := len(x), unsafe.Pointer(unsafe.SliceData(x))
	switch any(*new(T)).(type) {
	case Float16:
		return operand{format: isFloat16, h: unsafe.Slice((*uint16)(p), n)}
	case BFloat16:
		return operand{format: isBFloat16, h: unsafe.Slice((*uint16)(p), n)}
	}
	return operand{f: unsafe.Slice((*float32)(p), n)}
}

func (o *operand) len() int { return max(len(o.f), len(o.h)) }

// part is operand[at:end].
func (o *operand) part(at, end int) operand {
	if o.format == isFloat32 {
		return operand{f: o.f[at:end]}
	}
	return operand{format: o.format, h: o.h[at:end]}
}

// isNaN reports whether result i is a NaN.
func (o *operand) isNaN(i int) bool {
	switch o.format {
	case isFloat16:
		return o.h[i]&0x7fff > 0x7c00
	case isBFloat16:
		return o.h[i]&0x7fff > 0x7f80
	}
	return o.f[i] != o.f[i]
}

// fill sets every result to x.
func (o *operand) fill(x float32) {
	var h uint16
	switch o.format {
	case isFloat16:
		h = uint16(ToFloat16(x))
	case isBFloat16:
		h = uint16(ToBFloat16(x))
	}
	if math.Float32bits(x) == 0 {
		clear(o.f)
		clear(o.h)
		return
	}
	for i := range o.f {
		o.f[i] = x
	}
	for i := range o.h {
		o.h[i] = h
	}
}

// rowsOf is the rows of a mask from first on, and their stride, which is 0 if all are one.
func rowsOf[T any](m *Matrix[T], first int) ([]T, int) {
	if m.Rows == 1 {
		return m.Data, 0
	}
	return m.Data[first*m.Stride:], m.Stride
}
