//go:build !purego

package arith

// ExpRows writes the exponentials of rows of 1 to Chunk elements and makes out their sums, up to the
// first one that is not regular or has elements far below the largest, and returns how many rows it did.
// Of a row with a NaN it may have written all but that. Dst may be src, with the same stride.
func (l Level) ExpRows(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) (done int) {
	switch l {
	case AVX512:
		done = expRowsAVX512(dst, src, rows, cols, dstStride, srcStride, out, p)
	case AVX2:
		done = expRowsAVX2(dst, src, rows, cols, dstStride, srcStride, out, p)
	default:
		return l.expRows(dst, src, rows, cols, dstStride, srcStride, out, p)
	}
	for i := range out[:done] {
		out[i].beSure(&p.Scale)
	}
	return done
}
