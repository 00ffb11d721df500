//go:build !amd64 || purego

package arith

// transposeTiles is of levels that have a kernel.
func (l Level) transposeTiles(dst, src []float32, rows, cols, dstStride, srcStride int) (r, c int) {
	return 0, cols
}
