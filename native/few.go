package native

import "fmt"

// LogProbs writes to dst[i] the log-probability of column index[i] in row i of src: the bits that
// [LogSoftmaxRows] writes there to a float32 dst, without the rest of the row. The cross-entropy
// of labels needs no more. It takes about the time of [LogSumExpRows].
//
// Dst and index have as many elements as src has rows, index is from 0 to before src.Cols, and dst
// does not overlap src; otherwise LogProbs panics, before it writes. O may be nil.
func LogProbs[S Element](dst []float32, src Matrix[S], index []int, o *Options) {
	const who = "native.LogProbs"
	src.check(who, "src")
	if len(dst) != src.Rows || len(index) != src.Rows {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(index) is %d, both must be the number of rows, %d", who, len(dst), len(index), src.Rows))
	}
	for i, k := range index {
		if k < 0 || k >= src.Cols {
			panic(fmt.Sprintf("%s: index[%d] is %d, it must be from 0 to before the number of columns, %d", who, i, k, src.Cols))
		}
	}
	if overlap(dst, src.used()) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps src of %d", who, len(dst), len(src.Data)))
	}
	if overlap(dst, index) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps index", who, len(dst)))
	}
	o.check(who, src.Rows, src.Cols)
	var c call
	begin(&c, opLogProbs, &Matrix[float32]{src.Rows, 1, dst, 1}, &src, o)
	c.index = index
	c.checkAdd(who)
	c.run()
}
