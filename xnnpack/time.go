package xnnpack

import (
	"fmt"
	"time"

	"github.com/twopass-softmax/twopass/ukernel"
)

// TimeSoftmax computes [SoftmaxWith] of all rows of src, a number of times in a loop in C,
// and returns how long that took by CLOCK_MONOTONIC, the clock of package time. This is
// what upstream costs a program in C, without a call through cgo. Rows have cols elements
// and no gaps between them.
//
// Dst and the error are those of SoftmaxWith. TimeSoftmax panics if cols or times is
// less than 1, or if the length of src is no multiple of cols.
func TimeSoftmax(dst, src []float32, cols, times int, opts Options) (time.Duration, error) {
	const who = "xnnpack.TimeSoftmax"
	ukernel.CheckSlices(who, dst, src)
	if cols < 1 || times < 1 || len(src)%cols != 0 {
		panic(fmt.Sprintf("%s: %d elements in rows of %d, %d times: rows must be whole, cols and times at least 1", who, len(src), cols, times))
	}
	if err := Available(); err != nil {
		return 0, err
	}
	a := opts.algorithm()
	chosen, err := index().choose(a, opts.Kernels)
	if err != nil || len(src) == 0 {
		return 0, err
	}
	var p passes
	for i := range a.Families() {
		p[i] = chosen[i].symbol
	}
	return timeSoftmax(a, p, dst, src, cols, times), nil
}
