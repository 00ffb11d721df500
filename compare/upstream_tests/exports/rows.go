//go:build cgo

package main

// #include <stddef.h>
// #include <stdint.h>
import "C"

import (
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
)

// Rows by native's function, for upstream's operator. Strides are in elements.

//export goSoftmaxRowsF32
func goSoftmaxRowsF32(rows, cols C.size_t, src unsafe.Pointer, srcStride C.size_t, dst unsafe.Pointer, dstStride C.size_t) {
	to := matrix[float32](rows, cols, dst, dstStride)
	native.SoftmaxRows(to, matrix[float32](rows, cols, src, srcStride), nil)
	for i := range to.Rows {
		f32((*C.float)(&to.Data[i*to.Stride]), 4*cols)
	}
}

//export goSoftmaxRowsF16
func goSoftmaxRowsF16(rows, cols C.size_t, src unsafe.Pointer, srcStride C.size_t, dst unsafe.Pointer, dstStride C.size_t) {
	to := matrix[native.Float16](rows, cols, dst, dstStride)
	native.SoftmaxRows(to, matrix[native.Float16](rows, cols, src, srcStride), nil)
	for i := range to.Rows {
		f16((*C.uint16_t)(&to.Data[i*to.Stride]), 2*cols)
	}
}

func matrix[T any](rows, cols C.size_t, p unsafe.Pointer, stride C.size_t) native.Matrix[T] {
	n := (rows-1)*stride + cols
	return native.Matrix[T]{Rows: int(rows), Cols: int(cols), Data: unsafe.Slice((*T)(p), n), Stride: int(stride)}
}
