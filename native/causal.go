package native

import "github.com/twopass-softmax/twopass/native/internal/arith"

// causalRows does the rows from first to before end as far as the causal mask shows them, by a call of a kernel
// for each, as they differ in length: a mask in one call for several rows takes longer.
func (c *call) causalRows(first, end int) {
	var r arith.Rows
	r.Scale = c.one.scale
	for i := first; i < end; i++ {
		cols := c.o.visible(i, c.cols)
		dst, src := c.dst.f[i*c.dstStride:], c.src.f[i*c.srcStride:]
		if cols > 0 && c.plan.level.SoftmaxRows(dst, src, 1, cols, c.dstStride, c.srcStride, &r) == 1 {
			clear(dst[cols:c.cols])
			continue
		}
		c.row(i, r.N, r.At)
		r.N, r.At = 0, 0
	}
}
