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

// SumRow is the total of a row of 1 to Turn elements, and its sum if it may be sure. It is false if it left
// the row to SumRows.
//
//go:noescape
func SumRow(src *float32, n int, out *ShortSum) (ok bool)

// LogSub is that of the best level.
//
//go:noescape
func LogSub(dst, src []float32, m, scale, b float32)

// TotalRow is the total of a row of 1 to Chunk elements, which is the definition's but for roundings in
// float64. If it is not ok, out has lanes if one of them may have nearly all, or else no total.
//
//go:noescape
func TotalRow(src *float32, n int, s *Scale, out *Total) (ok bool)

// CopyRow is TotalRow, which makes out the largest element as well, and copies the row to dst, which may be src.
// If there is no total, something may be copied.
//
//go:noescape
func CopyRow(dst, src *float32, n int, s *Scale, out *Total) (ok bool)
