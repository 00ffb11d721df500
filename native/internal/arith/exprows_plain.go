//go:build !amd64 || purego

package arith

// ExpRows writes the exponentials of rows of 1 to Chunk elements and makes out their sums, up to the
// first one that is not regular, and returns how many rows it did. Dst may be src, with the same stride.
// The sums of sure rows lack BeSure.
func (l Level) ExpRows(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) (done int) {
	return l.expRows(dst, src, rows, cols, dstStride, srcStride, out, p)
}
