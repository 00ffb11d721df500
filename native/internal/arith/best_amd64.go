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

// LogSub is that of the best level.
//
//go:noescape
func LogSub(dst, src []float32, m, scale, b float32)
