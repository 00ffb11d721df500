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
