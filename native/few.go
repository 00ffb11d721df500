package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// LogProbs writes to dst[i] the log-probability of column index[i] in row i of src: the bits that
// [LogSoftmaxRows] writes there to a float32 dst, without the rest of the row. The cross-entropy
// of labels needs no more. It takes about the time of [LogSumExpRows].
//
// Dst and index have as many elements as src has rows, index is from 0 to before src.Cols, and dst
// does not overlap src; otherwise LogProbs panics, before it writes. O may be nil.
func LogProbs[S Element](dst []float32, src Matrix[S], index []int, o *Options) {
	const who = "native.LogProbs"
	shape.CheckIndex(who, dst, src.shape(), index)
	o.check(who, src.Rows, src.Cols)
	var c call
	begin(&c, opLogProbs, &Matrix[float32]{src.Rows, 1, dst, 1}, &src, o)
	c.index = index
	c.checkAdd(who)
	c.run()
}

// TopK writes the k largest elements of each row of src, k being index.Cols: their columns to that
// row of index, the largest first, and their probabilities to that row of probs, the bits that
// [SoftmaxRows] writes to a float32 dst. It writes nothing of the rest, and looks at few elements
// twice. With AVX-512 or AVX2, random rows of 100,000 elements and more take 1.1 times the time of
// [LogSumExpRows] at most for a k up to 100; rows of 32,000 for a k up to 10, and 1.2 times for 50; of 1,000
// twice the time for a k of 1, and 3.7 times for 50. Rows that rise, or have many equal elements, take
// longer, but in proportion to their length times the logarithm of k at most.
//
// The order is that of the elements after scale and masks, as probabilities of elements that
// differ may be equal; equal elements come in the order of their columns. What a mask takes out is
// -Inf, with probability 0. Where softmax makes all of a row NaN, or ZeroRows makes it zeros, so are
// the probabilities, and the columns are the first ones in order.
//
// Probs and index have as many rows as src and as many columns as each other, at most those of src,
// and overlap neither src nor what o has; otherwise TopK panics, before it writes. A row is done by
// one goroutine. O may be nil.
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
