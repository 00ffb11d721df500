package native

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Float16 is a number in IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10
// mantissa bits.
type Float16 uint16

// BFloat16 is the upper half of a float32: 1 sign bit, 8 exponent bits, 7
// mantissa bits.
type BFloat16 uint16

// Half is a 16-bit type of elements.
type Half interface{ Float16 | BFloat16 }

// Output is a type of results.
type Output interface{ float32 | Float16 | BFloat16 }

// Float32 converts exactly.
func (h Float16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	rest := uint32(h&0x7fff) << 13
	switch {
	case rest >= 0x1f<<23: // infinities and NaNs
		rest |= 0xff << 23
	case rest >= 1<<23:
		rest += (127 - 15) << 23
	default: // zeros and denormals are multiples of 2^-24
		rest = math.Float32bits(float32(h&0x7fff) * 0x1p-24)
	}
	return math.Float32frombits(sign | rest)
}

// ToFloat16 rounds to nearest even; what is too large becomes an infinity.
func ToFloat16(x float32) Float16 {
	bits := math.Float32bits(x)
	sign, abs := Float16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case abs > 0xff<<23: // NaN
		return sign | 0x7e00
	case abs >= 0x477ff000: // from 65520 on
		return sign | 0x7c00
	case abs < (127-14)<<23: // to a multiple of 2^-24, by adding 0.5 of which that is the last bit
		return sign | Float16(math.Float32bits(math.Float32frombits(abs)+0.5)-math.Float32bits(0.5))
	}
	abs += 0xfff + abs>>13&1 // half of the last bit that stays, less if that is even
	return sign | Float16((abs-(127-15)<<23)>>13)
}

// Float32 converts exactly.
func (b BFloat16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBFloat16 rounds to nearest even; what is too large becomes an infinity.
func ToBFloat16(x float32) BFloat16 {
	bits := math.Float32bits(x)
	if x != x {
		return BFloat16(bits>>16 | 0x40)
	}
	return BFloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

// halfLen is the length of the rows up to which a buffer takes a whole row of 16-bit
// numbers: converted once, it is a row like others. That is 512 KiB, which fits into
// most second-level caches.
const halfLen = 1 << 17

var halfBuffers = sync.Pool{New: func() any { return new([]float32) }}

// halfBuffer is a buffer for a row of n elements if that fits into one, else for a block
// of it.
func halfBuffer(n int) *[]float32 {
	if n > halfLen {
		n = scratchLen
	}
	buf := halfBuffers.Get().(*[]float32)
	if len(*buf) < n {
		*buf = make([]float32, max(scratchLen, 1<<bits.Len(uint(n-1))))
	}
	return buf
}

// words are the bits of a row of 16-bit numbers.
func words[H Output](row []H) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(row))), len(row))
}

// widen converts src, which is not empty, to dst.
func widen[S Half](e *engine, dst []float32, src []S) {
	if _, ok := any(S(0)).(Float16); ok {
		e.widenF16(dst, words(src))
	} else {
		e.widenBF16(dst, words(src))
	}
}

// results is where the results for dst go before narrow: dst itself if its elements are
// float32, else scratch.
func results[D Output](dst []D, scratch []float32) []float32 {
	if _, ok := any(D(0)).(float32); ok {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
	}
	return scratch
}

// narrow converts results, which are not empty, to dst, unless they are there.
func narrow[D Output](e *engine, dst []D, results []float32) {
	switch any(D(0)).(type) {
	case Float16:
		e.narrowF16(words(dst), results)
	case BFloat16:
		e.narrowBF16(words(dst), results)
	}
}

// widenF16 is [ukernel.WidenF16] where there is no kernel; so are the next three.
func widenF16(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	for i, h := range src {
		dst[i] = Float16(h).Float32()
	}
}

func narrowF16(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = uint16(ToFloat16(x))
	}
}

func widenBF16(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = BFloat16(b).Float32()
	}
}

func narrowBF16(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = uint16(ToBFloat16(x))
	}
}

// SoftmaxHalf is [Softmax] of float16 or bfloat16 elements with the options of
// s. It computes in float32 and rounds the results to the type of dst, which is
// float32 or a half type. Dst may be src itself if both types are of 16 bits.
//
// Rows of more than 2^17 elements, or 2^20 if dst is of float32, are read and converted
// twice, whatever the algorithm.
func SoftmaxHalf[D Output, S Half](s Softmaxer, dst []D, src []S) {
	const who = "native.SoftmaxHalf"
	checkSlices(who, dst, src)
	s.mask.checkRow(who, len(src))
	checkMaskApart(who, dst, &s.mask)
	writeHalf(&s, dst, src, 0, false)
}

// LogSoftmaxHalf is [LogSoftmax] under the terms of [SoftmaxHalf].
func LogSoftmaxHalf[D Output, S Half](s Softmaxer, dst []D, src []S) {
	const who = "native.LogSoftmaxHalf"
	checkSlices(who, dst, src)
	s.mask.checkRow(who, len(src))
	checkMaskApart(who, dst, &s.mask)
	writeHalf(&s, dst, src, 0, true)
}

// LogSumExpHalf is [LogSumExp] of float16 or bfloat16 elements with the options
// of s.
func LogSumExpHalf[S Half](s Softmaxer, src []S) float32 {
	s.mask.checkRow("native.LogSumExpHalf", len(src))
	buf := halfBuffer(scratchLen)
	defer halfBuffers.Put(buf)
	if n := len(src); n > 0 && n <= scratchLen {
		x := (*buf)[:n]
		widen(s.kernels(), x, src)
		return s.logSumExp(x, 0)
	}
	return float32(totalHalf(&s, *buf, src[:s.mask.visible(0, len(src))], 0).log())
}

// SoftmaxHalfRows is [SoftmaxHalf] of each row of a matrix, laid out as
// [SoftmaxRows] says.
func SoftmaxHalfRows[D Output, S Half](s Softmaxer, dst []D, src []S, rows, cols, dstStride, srcStride int) {
	halfRows("native.SoftmaxHalfRows", &s, dst, src, rows, cols, dstStride, srcStride, false)
}

// LogSoftmaxHalfRows is [LogSoftmaxHalf] of each row of a matrix, laid out as
// [SoftmaxRows] says.
func LogSoftmaxHalfRows[D Output, S Half](s Softmaxer, dst []D, src []S, rows, cols, dstStride, srcStride int) {
	halfRows("native.LogSoftmaxHalfRows", &s, dst, src, rows, cols, dstStride, srcStride, true)
}

// checkSlices is [ukernel.CheckSlices] for any two types of elements.
func checkSlices[D, S any](who string, dst []D, src []S) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(src) is %d, they must be equal", who, len(dst), len(src)))
	}
	ukernel.CheckApart(who, "src", dst, src)
}

func halfRows[D Output, S Half](who string, s *Softmaxer, dst []D, src []S, rows, cols, dstStride, srcStride int, log bool) {
	if !checkMasked(who, &s.mask, dst, src, rows, cols, dstStride, srcStride) {
		return
	}
	if g := share(s.goroutines, rows*cols, s.kernels().leastHalf()); g > 1 {
		s := *s // lest every call allocate the one that the goroutines share
		s.goroutines = 1
		parallel(g, rows, func(i int) {
			writeHalf(&s, dst[i*dstStride:][:cols], src[i*srcStride:][:cols], i, log)
		})
		return
	}
	for i := range rows {
		writeHalf(s, dst[i*dstStride:][:cols], src[i*srcStride:][:cols], i, log)
	}
}

// totalHalf is the sum over row i of a matrix.
func totalHalf[S Half](s *Softmaxer, buf []float32, src []S, i int) (t sum) {
	e := s.kernels()
	for at := 0; at < len(src); at += scratchLen {
		t = e.addBlock(t, loadHalf(s, buf, src, i, at))
	}
	return t
}

// loadHalf converts and prepares the part of row i that begins in column at.
func loadHalf[S Half](s *Softmaxer, buf []float32, src []S, i, at int) []float32 {
	src = src[at:min(at+scratchLen, len(src))]
	part := buf[:len(src)]
	e := s.kernels()
	widen(e, part, src)
	if !s.plain() {
		s.prepareAt(e, part, part, i, at)
	}
	return part
}

// writeHalf does row i of a matrix.
func writeHalf[D Output, S Half](s *Softmaxer, dst []D, src []S, i int, log bool) {
	n := len(src)
	if x := results(dst, nil); x != nil && n <= oneBlock {
		writeWhole(s, x, dst, src, i, log)
		return
	}
	pooled := halfBuffer(n)
	defer halfBuffers.Put(pooled)
	buf := *pooled
	if n <= halfLen {
		writeWhole(s, buf[:n], dst, src, i, log)
		return
	}
	visible := s.mask.visible(i, len(src))
	t := totalHalf(s, buf, src[:visible], i)
	a := Accumulator{sum: t, s: Softmaxer{engine: s.engine, zeros: s.zeros}}
	for at := 0; at < visible; at += scratchLen {
		part := loadHalf(s, buf, src[:visible], i, at)
		writePart(&a, dst[at:at+len(part)], part, log)
	}
	// What the causal mask hides is as -Inf.
	for at := visible; at < len(src); at += scratchLen {
		part := buf[:min(scratchLen, len(src)-at)]
		fill(part, negInf)
		writePart(&a, dst[at:at+len(part)], part, log)
	}
}

// writeWhole does row i of a matrix in x, which is as long: converted once, it is a row
// like others.
func writeWhole[D Output, S Half](s *Softmaxer, x []float32, dst []D, src []S, i int, log bool) {
	n := len(x)
	if n == 0 {
		return
	}
	e, o := s.kernels(), opSoftmax
	if log {
		o = opLogSoftmax
	}
	widen(e, x, src)
	if f := e.rows(o, n); f == nil || !s.direct(n) || f(x, x, 1, n, n, n) == 0 {
		s.row(o, x, x, i)
	}
	narrow(e, dst, x)
}

// writePart does a part of a row, and overwrites it.
func writePart[D Output](a *Accumulator, dst []D, part []float32, log bool) {
	y := results(dst, part)
	a.write(y, part, log)
	narrow(a.s.kernels(), dst, y)
}
