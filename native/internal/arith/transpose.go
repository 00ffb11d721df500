package arith

// Transpose writes the columns of a matrix of rows x cols as rows: dst[j*dstStride+i] is
// src[i*srcStride+j].
func (l Level) Transpose(dst, src []float32, rows, cols, dstStride, srcStride int) {
	if rows == 0 || cols == 0 {
		return
	}
	for most := max(8, Call/cols&^7); rows > most; rows -= most {
		l.Transpose(dst, src, most, cols, dstStride, srcStride)
		dst, src = dst[most:], src[most*srcStride:]
	}
	for most := max(8, Call/rows&^7); cols > most; cols -= most {
		l.Transpose(dst, src, rows, most, dstStride, srcStride)
		dst, src = dst[most*dstStride:], src[most:]
	}
	_, _ = dst[(cols-1)*dstStride+rows-1], src[(rows-1)*srcStride+cols-1]
	r, c := l.transposeTiles(dst, src, rows, cols, dstStride, srcStride)
	if r < rows {
		transposePlain(dst[r:], src[r*srcStride:], rows-r, c, dstStride, srcStride)
	}
	if c < cols {
		transposePlain(dst[c*dstStride:], src[c:], rows, cols-c, dstStride, srcStride)
	}
}

// transposePlain goes by 4 columns, whose results lie in as many lines of the cache.
func transposePlain(dst, src []float32, rows, cols, dstStride, srcStride int) {
	j := 0
	for ; j+4 <= cols; j += 4 {
		a, b, c, d := dst[j*dstStride:], dst[(j+1)*dstStride:], dst[(j+2)*dstStride:], dst[(j+3)*dstStride:]
		for i := range rows {
			x := src[i*srcStride+j:][:4]
			a[i], b[i], c[i], d[i] = x[0], x[1], x[2], x[3]
		}
	}
	for ; j < cols; j++ {
		y := dst[j*dstStride:]
		for i := range rows {
			y[i] = src[i*srcStride+j]
		}
	}
}
