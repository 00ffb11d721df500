//go:build !purego

package arith

// SoftmaxRows is that of the best level.
//
//go:noescape
func SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) (done int)

// SumRows is that of the best level.
//
//go:noescape
func SumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) (done int)

// SoftmaxRow is the softmax of a row of 1 to Turn elements or of 2*Turn. It is false if it left the row to
// SoftmaxRows, and dst as it was.
//
//go:noescape
func SoftmaxRow(dst, src *float32, n int) (ok bool)

// SumRow is the sum of a row of 1 to Turn elements. It is false if it left the row to SumRows.
//
//go:noescape
func SumRow(src *float32, n int, out *RowSum) (ok bool)

// LogSub is that of the best level.
//
//go:noescape
func LogSub(dst, src []float32, m, scale, b float32)
