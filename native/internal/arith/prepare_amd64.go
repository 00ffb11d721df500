//go:build !purego

package arith

// PrepareRows prepares rows. Dst may be src, with the same stride.
func (l Level) PrepareRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Preparation) {
	if rows == 0 || cols == 0 {
		return
	}
	if l == Plain {
		prepareRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
		return
	}
	wide := l == AVX512
	switch {
	case p.Add != nil && wide:
		fmaRowsAVX512(dst, src, p.Add, p.Mul, p.most(), rows, cols, dstStride, srcStride, p.AddStride)
	case p.Add != nil:
		fmaRowsAVX2(dst, src, p.Add, p.Mul, p.most(), rows, cols, dstStride, srcStride, p.AddStride)
	case p.Mul != 1 && wide:
		mulRowsAVX512(dst, src, p.Mul, p.most(), rows, cols, dstStride, srcStride)
	case p.Mul != 1:
		mulRowsAVX2(dst, src, p.Mul, p.most(), rows, cols, dstStride, srcStride)
	case p.Keep == nil:
		each(dst, src, rows, cols, dstStride, srcStride, func(dst, src []float32) { copy(dst, src) })
		return
	}
	if p.Add != nil || p.Mul != 1 {
		src, srcStride = dst, dstStride
	}
	switch {
	case p.Keep == nil:
	case wide:
		keepRowsAVX512(dst, src, p.Keep, rows, cols, dstStride, srcStride, p.KeepStride)
	default:
		keepRowsAVX2(dst, src, p.Keep, rows, cols, dstStride, srcStride, p.KeepStride)
	}
}

// WidenF16Rows converts rows of binary16.
func (l Level) WidenF16Rows(dst []float32, src []uint16, rows, cols, dstStride, srcStride int) {
	if rows == 0 || cols == 0 {
		return
	}
	switch l {
	case AVX512:
		widenF16AVX512(dst, src, rows, cols, dstStride, srcStride)
	case AVX2:
		widenF16AVX2(dst, src, rows, cols, dstStride, srcStride)
	default:
		each(dst, src, rows, cols, dstStride, srcStride, widenF16Plain)
	}
}

// NarrowF16Rows rounds rows to binary16.
func (l Level) NarrowF16Rows(dst []uint16, src []float32, rows, cols, dstStride, srcStride int) {
	if rows == 0 || cols == 0 {
		return
	}
	switch l {
	case AVX512:
		narrowF16AVX512(dst, src, rows, cols, dstStride, srcStride)
	case AVX2:
		narrowF16AVX2(dst, src, rows, cols, dstStride, srcStride)
	default:
		each(dst, src, rows, cols, dstStride, srcStride, narrowF16Plain)
	}
}

// WidenBF16Rows converts rows of bfloat16.
func (l Level) WidenBF16Rows(dst []float32, src []uint16, rows, cols, dstStride, srcStride int) {
	if rows == 0 || cols == 0 {
		return
	}
	switch l {
	case AVX512:
		widenBF16AVX512(dst, src, rows, cols, dstStride, srcStride)
	case AVX2:
		widenBF16AVX2(dst, src, rows, cols, dstStride, srcStride)
	default:
		each(dst, src, rows, cols, dstStride, srcStride, widenBF16Plain)
	}
}

// NarrowBF16Rows rounds rows to bfloat16.
func (l Level) NarrowBF16Rows(dst []uint16, src []float32, rows, cols, dstStride, srcStride int) {
	if rows == 0 || cols == 0 {
		return
	}
	switch l {
	case AVX512:
		narrowBF16AVX512(dst, src, rows, cols, dstStride, srcStride)
	case AVX2:
		narrowBF16AVX2(dst, src, rows, cols, dstStride, srcStride)
	default:
		each(dst, src, rows, cols, dstStride, srcStride, narrowBF16Plain)
	}
}

// SoftmaxMaskedRows is SoftmaxRows, and faster where elements are -Inf.
func (l Level) SoftmaxMaskedRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	switch l {
	case AVX512:
		return softmaxMaskedRowsAVX512(dst, src, rows, cols, dstStride, srcStride, p)
	case AVX2:
		return softmaxMaskedRowsAVX2(dst, src, rows, cols, dstStride, srcStride, p)
	}
	return softmaxRowsPlain(dst, src, rows, cols, dstStride, srcStride, p)
}
