//go:build !purego

package arith

import "math"

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
		keepRowsAVX512(dst, src, p.Keep[p.KeepAt:], rows, cols, dstStride, srcStride, p.KeepStride)
	default:
		keepRowsAVX2(dst, src, p.Keep[p.KeepAt:], rows, cols, dstStride, srcStride, p.KeepStride)
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

// SoftmaxMaskedRows is SoftmaxRows, and faster where elements are -Inf, in rows of up to 4096 elements.
func (l Level) SoftmaxMaskedRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int {
	if !l.Fuses(cols) || cols > len(zeros) {
		return l.SoftmaxRows(dst, src, rows, cols, dstStride, srcStride, p)
	}
	return l.SoftmaxAddedRows(dst, src, zeros[:], 1, rows, cols, dstStride, srcStride, 0, p)
}

// zeros is what SoftmaxMaskedRows adds.
var zeros [1 << 12]float32

// Dot is the sum of y * dy, or that of dy if y is nil, in float64. Products are exact. They go to
// 16 lanes, which are added up by halves.
func (l Level) Dot(y, dy []float32) (sum float64) {
	if l == Plain {
		return dotPlain(y, dy)
	}
	if len(dy) <= Call {
		return l.dot(y, dy, nil)
	}
	var s [lanes]float64
	for len(dy) > 0 {
		n := min(len(dy), Call)
		if y == nil {
			sum = l.dot(nil, dy[:n], &s)
		} else {
			sum = l.dot(y[:n], dy[:n], &s)
			y = y[n:]
		}
		dy = dy[n:]
	}
	return sum
}

// dot adds to the lanes in s, unless that is nil: to load what was just stored takes as long as a short row.
func (l Level) dot(y, dy []float32, s *[lanes]float64) float64 {
	switch {
	case y == nil && l == AVX512:
		return sum64AVX512(dy, s)
	case y == nil:
		return sum64AVX2(dy, s)
	case l == AVX512:
		return dotAVX512(y, dy, s)
	}
	return dotAVX2(y, dy, s)
}

// finite is the level whose kernels do a gradient: they count on finite dy, and in softmax y, which a finite
// sum of dy or of the products tells.
func (l Level) finite(total, scale float64) Level {
	if x := total * scale; x-x != 0 {
		return Plain
	}
	return l
}

// SoftmaxGrad is y * (dy - total) * scale, in float64. Dst may be y or dy. The total is not finite unless
// y and dy are.
func (l Level) SoftmaxGrad(dst, y, dy []float32, total, scale float64) {
	if l = l.finite(total, scale); l == Plain {
		softmaxGradPlain(dst, y, dy, total, scale)
	} else {
		l.softmaxGradRows(dst, y, dy, total, scale, 1, len(dy), 0, 0, 0)
	}
}

// SoftmaxGradRows is SoftmaxGrad of rows, each with its own total, the Dot of y and dy. It stops before a row whose
// total, times the scale, is not finite, and returns how many rows it did.
func (l Level) SoftmaxGradRows(dst, y, dy []float32, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	if l == Plain {
		return 0
	}
	return l.softmaxGradRows(dst, y, dy, math.NaN(), scale, rows, cols, dstStride, yStride, dyStride)
}

func (l Level) softmaxGradRows(dst, y, dy []float32, total, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	switch {
	case rows == 0 || cols == 0:
		return rows
	case l == AVX512:
		return softmaxGradRowsAVX512(dst, y, dy, total, scale, rows, cols, dstStride, yStride, dyStride)
	}
	return softmaxGradRowsAVX2(dst, y, dy, total, scale, rows, cols, dstStride, yStride, dyStride)
}

// LogSoftmaxGrad is (dy - exp(y) * total) * scale, in float64. Dst may be y or dy. The total is not finite unless
// dy is.
func (l Level) LogSoftmaxGrad(dst, y, dy []float32, total, scale float64) {
	if l = l.finite(total, scale); l == Plain {
		l.logSoftmaxGrad(dst, y, dy, total, scale)
	} else {
		l.logSoftmaxGradRows(dst, y, dy, total, scale, 1, len(dy), 0, 0, 0)
	}
}

// LogSoftmaxGradRows is LogSoftmaxGrad of rows under the terms of SoftmaxGradRows; the total is the sum of dy.
func (l Level) LogSoftmaxGradRows(dst, y, dy []float32, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	if l == Plain {
		return 0
	}
	return l.logSoftmaxGradRows(dst, y, dy, math.NaN(), scale, rows, cols, dstStride, yStride, dyStride)
}

func (l Level) logSoftmaxGradRows(dst, y, dy []float32, total, scale float64, rows, cols, dstStride, yStride, dyStride int) int {
	switch {
	case rows == 0 || cols == 0:
		return rows
	case l == AVX512:
		return logSoftmaxGradRowsAVX512(dst, y, dy, total, scale, rows, cols, dstStride, yStride, dyStride)
	}
	return logSoftmaxGradRowsAVX2(dst, y, dy, total, scale, rows, cols, dstStride, yStride, dyStride)
}

// Fuses reports whether the level has SoftmaxKeptRows and SoftmaxAddedRows for rows of cols elements.
func (l Level) Fuses(cols int) bool { return l != Plain && cols >= 8 && cols <= Chunk }

// SoftmaxKeptRows is SoftmaxRows of rows that are prepared by keep, whose stride may be 0.
func (l Level) SoftmaxKeptRows(dst, src []float32, keep []bool, rows, cols, dstStride, srcStride, keepStride int, p *Rows) int {
	if l == AVX512 {
		return softmaxKeptRowsAVX512(dst, src, &keep[0], rows, cols, dstStride, srcStride, keepStride, p)
	}
	return softmaxKeptRowsAVX2(dst, src, &keep[0], rows, cols, dstStride, srcStride, keepStride, p)
}

// SoftmaxAddedRows is SoftmaxRows of rows that are prepared by mul and add, whose stride may be 0.
func (l Level) SoftmaxAddedRows(dst, src, add []float32, mul float32, rows, cols, dstStride, srcStride, addStride int, p *Rows) int {
	p.mul = mul
	if l == AVX512 {
		return softmaxAddedRowsAVX512(dst, src, &add[0], rows, cols, dstStride, srcStride, 4*addStride, p)
	}
	return softmaxAddedRowsAVX2(dst, src, &add[0], rows, cols, dstStride, srcStride, 4*addStride, p)
}

// Touch asks for rows that are to be written soon.
func (l Level) Touch(dst []uint16, rows, cols, stride int) {
	if rows > 0 && cols > 0 {
		touchRows(dst, rows, cols, stride)
	}
}

// SumStoreKept is SumStore of whole turns that are prepared by keep.
func (l Level) SumStoreKept(dst, src []float32, keep []bool, st *Sum) (done int) {
	dst, keep = dst[:len(src)], keep[:len(src)]
	if l == AVX512 {
		return sumStoreKeptAVX512(dst, src, &keep[0], st)
	}
	return sumStoreKeptAVX2(dst, src, &keep[0], st)
}

// SumStoreAdded is SumStore of whole turns that are prepared by st.Mul and add.
func (l Level) SumStoreAdded(dst, src, add []float32, st *Sum) (done int) {
	dst, add = dst[:len(src)], add[:len(src)]
	if l == AVX512 {
		return sumStoreAddedAVX512(dst, src, &add[0], st)
	}
	return sumStoreAddedAVX2(dst, src, &add[0], st)
}
