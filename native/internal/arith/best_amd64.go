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

// LogRow writes the log-softmax of a row of 1 to Turn elements, or of 2*Turn, to dst; if dst is nil, it returns the
// log-sum-exp y. If the row may be sure, it returns the largest element instead. It leaves other lengths, and rows
// that are not ordinary or whose last bit is not certain, to SumRows. It writes dst only if it is done with the row.
//
//go:noescape
func LogRow(dst, src *float32, n int) (y float32, how uint8, max float32)

// SureRow sums a sure row of 1 to Chunk elements: out has its largest element, and gets the other fields. It leaves
// rows whose other elements are too far from an N that is 100 powers of two below the largest one.
//
//go:noescape
func SureRow(src *float32, n int, s *Scale, out *RowSum) (how uint8)

// LogSub is that of the best level.
//
//go:noescape
func LogSub(dst, src []float32, m, scale, b float32)

// TotalRow makes the total of a row of 1 to Chunk elements, which differs from the definition's by roundings in
// float64 alone, and its logarithm y. If it leaves the row because one lane may have nearly all, out has the lanes
// too; if for another reason, out has no total.
//
//go:noescape
func TotalRow(src *float32, n int, s *Scale, out *Total) (y float32, how uint8)

// CopyRow is TotalRow that also finds the largest element and copies the row to dst, which may be src. It subtracts
// the largest element times scale from y. Without a total, part of the row may have been copied.
//
//go:noescape
func CopyRow(dst, src *float32, n int, s *Scale, scale float32, out *Total) (y float32, how uint8)
