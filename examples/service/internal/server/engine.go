package server

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// RowsFunc computes each row of src, to dst; both are laid out as
// native.Matrix says, and may be the same.
type RowsFunc func(dst, src []float32, rows, cols, dstStride, srcStride int)

// Engine is what computes. It must keep to the table of special values of
// package native.
type Engine struct {
	Name       string
	Softmax    RowsFunc
	LogSoftmax RowsFunc // nil if it has none
}

// NewEngine returns the engine of a name:
//
//   - native, always there;
//   - xnnpack, upstream's softmax operator, if the program was built with cgo and
//     -tags xnnpack. It has no log-softmax. Upstream promises nothing about
//     infinities and NaN; that xnnpack.Softmax treats them as native does is
//     measured on amd64, and this package's tests hold it to that.
func NewEngine(name string) (Engine, error) {
	switch name {
	case "native":
		if _, err := native.Level(); err != nil {
			return Engine{}, err
		}
		return Engine{
			Name: name,
			Softmax: func(dst, src []float32, rows, cols, dstStride, srcStride int) {
				native.SoftmaxRows(dense(dst, rows, cols, dstStride), dense(src, rows, cols, srcStride), nil)
			},
			LogSoftmax: func(dst, src []float32, rows, cols, dstStride, srcStride int) {
				native.LogSoftmaxRows(dense(dst, rows, cols, dstStride), dense(src, rows, cols, srcStride), nil)
			},
		}, nil
	case "xnnpack":
		if err := xnnpack.Available(); err != nil {
			return Engine{}, fmt.Errorf("engine xnnpack: %w", err)
		}
		return Engine{Name: name, Softmax: xnnpack.SoftmaxRows}, nil
	}
	return Engine{}, fmt.Errorf("engine %q does not exist; there are native and xnnpack", name)
}

func dense(x []float32, rows, cols, stride int) native.Matrix[float32] {
	return native.Matrix[float32]{Rows: rows, Cols: cols, Data: x, Stride: stride}
}
