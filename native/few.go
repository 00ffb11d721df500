package native

import "github.com/twopass-softmax/twopass/native/internal/shape"

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
