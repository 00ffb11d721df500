//go:build !amd64 || purego

package arith

// PrepareRows prepares rows. Dst may be src, with the same stride.
func (l Level) PrepareRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Preparation) {
	prepareRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
}

// WidenF16Rows converts rows of binary16.
func (l Level) WidenF16Rows(dst []float32, src []uint16, rows, cols, dstStride, srcStride int) {
	each(dst, src, rows, cols, dstStride, srcStride, widenF16Plain)
}

// NarrowF16Rows rounds rows to binary16.
func (l Level) NarrowF16Rows(dst []uint16, src []float32, rows, cols, dstStride, srcStride int) {
	each(dst, src, rows, cols, dstStride, srcStride, narrowF16Plain)
}

// WidenBF16Rows converts rows of bfloat16.
func (l Level) WidenBF16Rows(dst []float32, src []uint16, rows, cols, dstStride, srcStride int) {
	each(dst, src, rows, cols, dstStride, srcStride, widenBF16Plain)
}

// NarrowBF16Rows rounds rows to bfloat16.
func (l Level) NarrowBF16Rows(dst []uint16, src []float32, rows, cols, dstStride, srcStride int) {
	each(dst, src, rows, cols, dstStride, srcStride, narrowBF16Plain)
}

// SoftmaxMaskedRows is SoftmaxRows.
func (l Level) SoftmaxMaskedRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	return l.SoftmaxRows(dst, src, rows, cols, dstStride, srcStride, p)
}

// Dot is the sum of y * dy, or that of dy if y is nil, in float64. Products are exact. They go to
// 16 lanes, which are added up by halves.
func (l Level) Dot(y, dy []float32) float64 {
	return dotPlain(y, dy)
}

// SoftmaxGrad is y * (dy - total) * scale, in float64. Dst may be y or dy. The total is not finite unless
// y and dy are.
func (l Level) SoftmaxGrad(dst, y, dy []float32, total, scale float64) {
	softmaxGradPlain(dst, y, dy, total, scale)
}

// SoftmaxGradRows does no row.
func (l Level) SoftmaxGradRows(dst, y, dy []float32, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	return 0
}

// LogSoftmaxGrad is (dy - exp(y) * total) * scale, in float64. Dst may be y or dy. The total is not finite unless
// dy is.
func (l Level) LogSoftmaxGrad(dst, y, dy []float32, total, scale float64) {
	l.logSoftmaxGrad(dst, y, dy, total, scale)
}

// LogSoftmaxGradRows does no row.
func (l Level) LogSoftmaxGradRows(dst, y, dy []float32, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	return 0
}

// Fuses reports whether the level has SoftmaxKeptRows and SoftmaxAddedRows: no.
func (l Level) Fuses(cols int) bool { return false }

// SoftmaxKeptRows is not called.
func (l Level) SoftmaxKeptRows(dst, src []float32, keep []bool, rows, cols, dstStride, srcStride, keepStride int, p *Rows) int {
	return 0
}

// SoftmaxAddedRows is not called.
func (l Level) SoftmaxAddedRows(dst, src, add []float32, mul float32, rows, cols, dstStride, srcStride, addStride int, p *Rows) int {
	return 0
}

// Touch asks for rows that are to be written soon, where there is an instruction for that.
func (l Level) Touch(dst []uint16, rows, cols, stride int) {}

// SumStoreKept is not called.
func (l Level) SumStoreKept(dst, src []float32, keep []bool, st *Sum) int {
	panic("arith: no fused kernels")
}

// SumStoreAdded is not called.
func (l Level) SumStoreAdded(dst, src, add []float32, st *Sum) int {
	panic("arith: no fused kernels")
}
