package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// LogProbs writes the log-probability of column index[i] of row i of src to dst[i], as the
// cross-entropy of labels needs it: the bits that [LogSoftmaxRows] writes there to a float32 dst,
// in about the time of [LogSumExpRows].
//
// LogProbs panics, before it writes, unless dst and index have one element for each row, 0 <=
// index[i] < src.Cols, and dst does not overlap src. O may be nil.
func LogProbs[S Element](dst []float32, src Matrix[S], index []int, o *Options) {
	const who = "native.LogProbs"
	shape.CheckIndex(who, dst, src.shape(), index)
	logRows(who, opLogProbs, &Matrix[float32]{src.Rows, 1, dst, 1}, &src, index, o)
}

// TopK finds the k = index.Cols largest elements of each row of src. It writes their columns to
// that row of index, the largest first, and their probabilities to that row of probs: the bits that
// [SoftmaxRows] writes to a float32 dst.
//
// With AVX-512 or AVX2, random rows of 100,000 elements and more take at most 1.1 times the time of
// [LogSumExpRows] for k up to 100; rows of 32,000 take 1.1 times for k up to 10, 1.2 times for 50
// and 1.4 times for 100; rows of 1,000 twice for 1 and 3.7 times for 50. Long rows that rise, or
// have many equal elements, take up to 1.8 times for k up to 100. 16-bit rows of 32,000 take 1.3
// times for 50.
//
// The order is that of the elements after scale and masks; equal elements come in the order of
// their columns. (Elements that differ may have equal probabilities.) A masked element counts as
// -Inf, with probability 0. Where softmax makes a row NaN, or ZeroRows makes it 0, so are the
// probabilities, and the columns are 0, 1, 2, and so on.
//
// TopK panics, before it writes, unless probs and index have as many rows as src, and the same
// number of columns, at most src.Cols, and overlap neither src nor the slices of o. One goroutine
// does a row. O may be nil.
func TopK[S Element](probs Matrix[float32], index Matrix[int], src Matrix[S], o *Options) {
	const who = "native.TopK"
	shape.CheckTop(who, probs.shape(), index.shape(), src.shape())
	p, x := probs.used(), index.used()
	if o != nil && (overlap(x, o.Scales) || overlap(x, o.Add.Data) || overlap(x, o.Keep.Data) || overlap(p, o.Keep.Data)) {
		panic(fmt.Sprintf("%s: probs of %d elements and index of %d must overlap neither each other nor src nor options", who, len(p), len(x)))
	}
	o.check(who, src.Rows, src.Cols)
	var c call
	begin(&c, opTopK, &probs, &src, o)
	c.checkAdd(who)
	if index.Cols == 0 {
		return
	}
	c.columns = index
	c.one.log = false
	c.plan.goroutines = max(1, min(c.plan.goroutines, c.rows))
	c.run()
}
