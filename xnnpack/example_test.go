package xnnpack_test

import (
	"fmt"
	"log"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// An engine is the softmax of each row of a matrix, as xnnpack has it.
type engine func(dst, src []float32, rows, cols, dstStride, srcStride int)

// choose takes upstream's kernels where they are linked in.
func choose() engine {
	if err := xnnpack.Available(); err != nil {
		log.Printf("softmax by native: %v", err)
		return func(dst, src []float32, rows, cols, dstStride, srcStride int) {
			native.SoftmaxRows(
				native.Matrix[float32]{Rows: rows, Cols: cols, Data: dst, Stride: dstStride},
				native.Matrix[float32]{Rows: rows, Cols: cols, Data: src, Stride: srcStride}, nil)
		}
	}
	return xnnpack.SoftmaxRows
}

// A service that runs on upstream's kernels where they are linked in, and on
// native's where they are not, as the log then tells.
func ExampleSoftmaxRows() {
	softmax := choose()
	const rows, cols = 2, 3
	scores := []float32{
		1, 2, 3,
		0, 0, 0,
	}
	softmax(scores, scores, rows, cols, cols, cols)
	for i := range rows {
		fmt.Printf("%.4f\n", scores[i*cols:][:cols])
	}
	// Output:
	// [0.0900 0.2447 0.6652]
	// [0.3333 0.3333 0.3333]
}
