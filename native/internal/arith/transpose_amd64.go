//go:build !purego

package arith

// transposeTiles transposes the first rows and columns, as many as are returned. It goes along the rows
// of the side with the larger stride, so that no line of the cache is needed again later.
func (l Level) transposeTiles(dst, src []float32, rows, cols, dstStride, srcStride int) (r, c int) {
	if l == Plain || rows < 8 || cols < 8 {
		return 0, cols
	}
	r, c = rows&^7, cols&^7
	if srcStride >= dstStride {
		transposeAVX2(dst, src, r, c, dstStride, srcStride)
	} else {
		transposeDownAVX2(dst, src, r, c, dstStride, srcStride)
	}
	return r, c
}
