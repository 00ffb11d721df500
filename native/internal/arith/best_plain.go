//go:build !amd64 || purego

package arith

// SoftmaxRows is that of the best level.
func SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) (done int) {
	return Best.SoftmaxRows(dst, src, rows, cols, dstStride, srcStride, p)
}

// SumRows is that of the best level.
func SumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) (done int) {
	return Best.SumRows(src, rows, cols, srcStride, out, p)
}

// LogSub is that of the best level.
func LogSub(dst, src []float32, m, scale, b float32) { Best.LogSub(dst, src, m, scale, b) }

// SoftmaxRow leaves the row to SoftmaxRows.
func SoftmaxRow(dst, src *float32, n int) (ok bool) { return false }

// LogRow leaves every row to SumRows.
func LogRow(dst, src *float32, n int) (y float32, how uint8, max float32) { return }

// SureRow leaves every row to [Level.SumOthers].
func SureRow(src *float32, n int, s *Scale, out *RowSum) (how uint8) { return }

// TotalRow leaves every row to SumRows.
func TotalRow(src *float32, n int, s *Scale, out *Total) (y float32, how uint8) { return }

// CopyRow leaves every row to SumRows.
func CopyRow(dst, src *float32, n int, s *Scale, scale float32, out *Total) (y float32, how uint8) {
	return
}
