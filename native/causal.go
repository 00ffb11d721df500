package native

import (
	"sort"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// causalRows does the rows from first to before end, all of which the causal mask shortens. Each takes a call of a
// kernel, as they differ in length. The last ones, of which little is hidden, take one call with a mask instead.
func (c *call) causalRows(first, end int) {
	last := end
	if c.cols > triangleFrom && c.cols <= triangleTo && c.plan.level.Fuses(c.cols) {
		last = first + sort.Search(end-first, func(i int) bool { return c.o.visible(first+i, c.cols) >= c.cols-c.cols/8 })
	}
	var r arith.Rows
	r.Scale = c.one.scale
	for i := first; i < last; i++ {
		cols := c.o.visible(i, c.cols)
		dst, src := c.dst.f[i*c.dstStride:], c.src.f[i*c.srcStride:]
		if cols > 0 && c.plan.level.SoftmaxRows(dst, src, 1, cols, c.dstStride, c.srcStride, &r) == 1 {
			clear(dst[cols:c.cols])
			continue
		}
		c.row(i, r.N, r.At)
		r.N, r.At = 0, 0
	}
	for i := last; i < end; i++ {
		keep, stride := c.kept(i)
		i += c.plan.level.SoftmaxKeptRows(c.dst.f[i*c.dstStride:], c.src.f[i*c.srcStride:], keep, end-i, c.cols, c.dstStride, c.srcStride, stride, &r)
		if i < end {
			j := c.one
			j.src, j.dst = c.src.part(i*c.srcStride, i*c.srcStride+c.cols), c.dst.part(i*c.dstStride, i*c.dstStride+c.cols)
			j.keep, _ = c.kept(i)
			j.e = j.dst.f
			j.softmaxFrom(r.N, r.At)
			j.release()
			r.N, r.At = 0, 0
		}
	}
}
