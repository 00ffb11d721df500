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

// LogRow is the log-softmax of a row of 1 to Turn elements or of 2*Turn, or its log-sum-exp y if dst is nil. Of a row
// that may be sure it makes out the largest element, and others it leaves to SumRows. It writes dst if it is done
// with the row.
//
//go:noescape
func LogRow(dst, src *float32, n int) (y float32, how uint8, max float32)

// SureRow is the sum of a sure row of 1 to Chunk elements, of which out has the largest element: the other fields of
// out. It leaves rows with others that are not near an N far below that.
//
//go:noescape
func SureRow(src *float32, n int, s *Scale, out *RowSum) (how uint8)

// LogSub is that of the best level.
//
//go:noescape
func LogSub(dst, src []float32, m, scale, b float32)

// TotalRow is the total of a row of 1 to Chunk elements, which is the definition's but for roundings in
// float64, and the logarithm y of it. Of a row that is left, out has lanes if one of them may have nearly all, or
// else no total.
//
//go:noescape
func TotalRow(src *float32, n int, s *Scale, out *Total) (y float32, how uint8)

// CopyRow is TotalRow, which makes out the largest element as well, and copies the row to dst, which may be src; y is
// less the largest element times scale.
// If there is no total, something may be copied.
//
//go:noescape
func CopyRow(dst, src *float32, n int, s *Scale, scale float32, out *Total) (y float32, how uint8)
