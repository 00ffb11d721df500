//go:build !purego

package arith

// Columns is how many columns a vector of SoftmaxColumns has, 0 for a level without it.
func (l Level) Columns() int {
	switch l {
	case AVX512:
		return 16
	case AVX2:
		return 8
	}
	return 0
}

// SoftmaxColumns does cols columns of 1 to Chunk rows: the bits of SoftmaxRows. It is false if it can't,
// and has not written to dst then. Cols is a multiple of Columns, and at most 8 times that. Exponentials
// go to e, which has as many elements. Dst may be src, with the same stride.
func (l Level) SoftmaxColumns(dst, src, e []float32, rows, cols, dstStride, srcStride int, c *Columns) bool {
	_, _, _ = dst[(rows-1)*dstStride+cols-1], src[(rows-1)*srcStride+cols-1], e[rows*cols-1]
	if !c.near(src[:cols]) {
		return false
	}
	c.width = 4 * cols
	if l == AVX512 {
		return softmaxColumnsAVX512(dst, src, e, rows, dstStride, srcStride, c)
	}
	return softmaxColumnsAVX2(dst, src, e, rows, dstStride, srcStride, c)
}
