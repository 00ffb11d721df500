package server

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// RowsFunc computes each row of cols elements of data, in place. There is at least one, and no gap between
// two.
type RowsFunc func(data []float32, cols int)

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
			Softmax: func(data []float32, cols int) {
				native.SoftmaxRows(native.Rows(data, cols), native.Rows(data, cols), nil)
			},
			LogSoftmax: func(data []float32, cols int) {
				native.LogSoftmaxRows(native.Rows(data, cols), native.Rows(data, cols), nil)
			},
		}, nil
	case "xnnpack":
		if err := xnnpack.Available(); err != nil {
			return Engine{}, fmt.Errorf("engine xnnpack: %w", err)
		}
		return Engine{Name: name, Softmax: func(data []float32, cols int) {
			xnnpack.SoftmaxRows(data, data, len(data)/cols, cols, cols, cols)
		}}, nil
	}
	return Engine{}, fmt.Errorf("engine %q does not exist; there are native and xnnpack", name)
}
