//go:build !purego

package arith

// ExpRows writes the exponentials of rows of 1 to Chunk elements and makes out their sums, up to the
// first one that is not regular, and returns how many rows it did. Of a row with a NaN it may have
// written all but that. Dst may be src, with the same stride. The sums of sure rows lack BeSure.
func (l Level) ExpRows(dst, src []float32, rows, cols, dstStride, srcStride int, out []ExpSum, p *Rows) (done int) {
	if l == Plain {
		return l.expRows(dst, src, rows, cols, dstStride, srcStride, out, p)
	}
	for done < rows {
		d, s := dst[done*dstStride:], src[done*srcStride:]
		if l == AVX512 {
			done += expRowsAVX512(d, s, rows-done, cols, dstStride, srcStride, out[done:], p)
		} else {
			done += expRowsAVX2(d, s, rows-done, cols, dstStride, srcStride, out[done:], p)
		}
		// It leaves sure rows with elements that are not near, too.
		if done < rows {
			if l.expRows(dst[done*dstStride:], src[done*srcStride:], 1, cols, dstStride, srcStride, out[done:], p) == 0 {
				break
			}
			done++
		}
	}
	return done
}
