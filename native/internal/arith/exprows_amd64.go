//go:build !purego

package arith

// ExpRows writes the exponentials of rows of 1 to Chunk elements and makes out their sums, up to the
// first one that is not regular or has elements far below the largest, and returns how many rows it did.
// Of a row with a NaN it may have written all but that. Dst may be src, with the same stride. The sums of
// sure rows lack BeSure.
func (l Level) ExpRows(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) (done int) {
	switch l {
	case AVX512:
		return expRowsAVX512(dst, src, rows, cols, dstStride, srcStride, out, p)
	case AVX2:
		return expRowsAVX2(dst, src, rows, cols, dstStride, srcStride, out, p)
	}
	return l.expRows(dst, src, rows, cols, dstStride, srcStride, out, p)
}
