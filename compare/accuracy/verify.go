package accuracy

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// wrongULP is the smallest error, 1 %, that makes a result wrong and not merely rounded. Libraries
// that sum a row of 2^26 elements in few float32 sums reach a third of it.
const wrongULP = 0.01 * (1 << 24)

// verifiedElements is the approximate number of elements that [Verify] compares.
const verifiedElements = 1 << 20

// Verify runs each benchmark once on the rows that it would be timed on and compares its results
// with float64. An error says which element is off by 1 % or more or a NaN, or why the benchmark
// can't run on these rows.
func Verify(benchmarks []speed.Benchmark, rows, cols int) []error {
	found := make([]error, len(benchmarks))
	if len(benchmarks) == 0 {
		return found
	}
	dst, src := speed.NewWorkload(rows * cols).Row()
	results := make([][]float32, len(benchmarks))
	step := max(rows*cols/verifiedElements, 1)
	for i := range benchmarks {
		run, done, err := benchmarks[i].Ready(dst, src)
		if err != nil {
			found[i] = err
			continue
		}
		for j := range dst {
			dst[j] = float32(math.NaN())
		}
		run()
		done()
		for j := 0; j < len(dst); j += step {
			results[i] = append(results[i], dst[j])
		}
	}
	var x exact
	for row := range rows {
		x.of(src[row*cols : (row+1)*cols])
		for j := (row*cols + step - 1) / step; j*step < (row+1)*cols; j++ {
			at := j*step - row*cols
			want := x.value(speed.Softmax, at)
			for i, r := range results {
				if r == nil || found[i] != nil || want < 0x1p-126 {
					continue
				}
				if e := ULPs(r[j], want); !(e < wrongULP) {
					found[i] = fmt.Errorf("element %d of row %d is %v, not %.9g: off by %.3g ULP", at, row, r[j], want, e)
				}
			}
		}
	}
	return found
}
