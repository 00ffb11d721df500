package native_test

import (
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
)

// TestLogRowsInPlace holds that no row is done twice where a row is left to other code, which would show as
// log-softmax reads what it wrote.
func TestLogRowsInPlace(t *testing.T) {
	const rows, cols = 40, 7
	for _, o := range []*native.Options{nil, {Scale: 0.7}} {
		for _, special := range [][]int{nil, {0}, {1}, {5, 6}, {33}, {0, 38, 39}} {
			x := make([]float32, rows*cols)
			for i := range x {
				x[i] = float32(i*i%29)*0.37 - 4
			}
			for k, i := range special {
				x[i*cols+3] = []float32{inf, nan, 3e38}[k]
			}
			want, sums := make([]float32, len(x)), make([]float32, rows)
			for i := range rows {
				row := native.Row(x[i*cols:][:cols])
				native.LogSoftmaxRows(native.Row(want[i*cols:][:cols]), row, o)
				native.LogSumExpRows(sums[i:i+1], row, o)
				one := make([]float32, 1)
				native.LogProbs(one, row, []int{i % cols}, o)
				if !sameBits(one, want[i*cols+i%cols:][:1]) {
					t.Errorf("%+v, special %v, row %d: LogProbs %v, LogSoftmaxRows %v", o, special, i, one, want[i*cols+i%cols])
				}
			}
			got := make([]float32, rows)
			if native.LogSumExpRows(got, native.Rows(x, cols), o); !sameBits(got, sums) {
				t.Errorf("%+v, special %v: LogSumExpRows of all rows differs from that of each", o, special)
			}
			if native.LogSoftmaxRows(native.Rows(x, cols), native.Rows(x, cols), o); !sameBits(x, want) {
				t.Errorf("%+v, special %v: LogSoftmaxRows in place differs from that of each row", o, special)
			}
		}
	}
}

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
