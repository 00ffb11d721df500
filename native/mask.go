package native

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Mask takes elements out of rows, or weighs them down. Several kinds may be
// set; the zero Mask does nothing.
//
// Where an element is taken out, its value does not matter, be it NaN: its
// softmax is 0 and its log-softmax -Inf. A row with nothing left is as one of
// -Inf alone. After [WithScale], Add comes last.
type Mask struct {
	// Add is added to the elements. -Inf is allowed, and takes an element out
	// unless that is NaN or +Inf.
	Add []float32
	// Keep takes out the elements for which it is false.
	Keep []bool
	// Stride is the distance between two rows in Add and Keep. With 0 they are
	// one row, which goes for every row of a matrix.
	Stride int
	// Causal takes out the elements of row i beyond column i + Offset, as
	// attention does where a position may not see later ones: Offset is the
	// number of positions before the first row.
	Causal bool
	Offset int
}

// Masked returns s with a mask in place of the one that it had. It does not copy
// the mask's slices, which may change between calls, but not during one. A call
// panics if the mask's length is not that of a row, or if its dst overlaps Add.
func (s Softmaxer) Masked(m Mask) Softmaxer {
	s.mask = m
	return s
}

// visible is how many elements of row i of n columns the causal mask leaves.
func (m *Mask) visible(i, n int) int {
	if !m.Causal || m.Offset >= n-1-i {
		return n
	}
	return max(0, i+m.Offset+1)
}

// checkRow panics unless the mask fits one row of n elements.
func (m *Mask) checkRow(who string, n int) { m.checkRows(who, 1, n) }

// checkMaskApart panics if the results overlap the mask, of which they would
// change what is yet to be read. A Keep can't be where they are.
func checkMaskApart[D Output](who string, dst []D, m *Mask) {
	if ukernel.Overlap(dst, m.Add) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps Mask.Add of %d; they must be apart", who, len(dst), len(m.Add)))
	}
}

// checkRows panics unless the mask fits rows of cols elements.
func (m *Mask) checkRows(who string, rows, cols int) {
	if m.Add != nil {
		m.check(who, "Mask.Add", len(m.Add), rows, cols)
	}
	if m.Keep != nil {
		m.check(who, "Mask.Keep", len(m.Keep), rows, cols)
	}
}

// checkMasked is [ukernel.CheckMatrices] with the checks of the mask.
func checkMasked[D Output, S any](who string, m *Mask, dst []D, src []S, rows, cols, dstStride, srcStride int) bool {
	m.checkRows(who, rows, cols)
	if !ukernel.CheckMatrices(who, "src", dst, src, rows, cols, dstStride, srcStride) {
		return false
	}
	checkMaskApart(who, dst[:(rows-1)*dstStride+cols], m)
	return true
}

func (m *Mask) check(who, what string, got, rows, cols int) {
	if m.Stride == 0 {
		if got != cols {
			panic(fmt.Sprintf("%s: len(%s) is %d, it must be that of a row, %d", who, what, got, cols))
		}
		return
	}
	ukernel.CheckMatrix(who, what, got, rows, cols, m.Stride)
}

// plain reports whether rows need no preparation.
func (s *Softmaxer) plain() bool {
	return s.scale == 0 && !s.mask.byElement()
}

// byElement reports whether the mask says something of single elements.
func (m *Mask) byElement() bool { return m.Add != nil || m.Keep != nil }

// unmasked reports whether rows are done as they are, all of them.
func (s *Softmaxer) unmasked() bool { return s.plain() && !s.mask.Causal }

// prepare applies scale and mask to row i. What it returns is src if there is
// nothing to do, and else dst.
func (s *Softmaxer) prepare(e *engine, dst, src []float32, i int) []float32 {
	if s.plain() {
		return src
	}
	return s.prepareAt(e, dst, src, i, 0)
}

// prepareAt applies scale and mask to a part of row i that begins in column at, by
// blocks that stay in the first-level cache between the steps.
func (s *Softmaxer) prepareAt(e *engine, dst, src []float32, i, at int) []float32 {
	at += i * s.mask.Stride
	for first := 0; first < len(dst); first += sumBlock {
		end := min(first+sumBlock, len(dst))
		y, x := dst[first:end], src[first:end]
		if s.scale != 0 {
			e.mul(y, x, s.scale)
			x = y
		}
		if s.mask.Add != nil {
			e.vadd(y, x, s.mask.Add[at+first:at+end])
			x = y
		}
		if s.mask.Keep != nil {
			e.keep(y, x, s.mask.Keep[at+first:at+end])
		}
	}
	return dst
}

// addRows is [ukernel.VAdd] where there is no kernel.
func addRows(dst, src, other []float32) {
	src, other = src[:len(dst)], other[:len(dst)]
	for j := range dst {
		dst[j] = src[j] + other[j]
	}
}

// keepRow is [ukernel.VKeep] where there is no kernel. It looks at eight elements at a
// time, of which most masks keep all or none, and does not branch on single ones: in a
// mask without a pattern every other branch would be foreseen wrongly.
func keepRow(dst, src []float32, keep []bool) {
	const none, all = 0, 0x0101010101010101
	for len(keep) >= 8 && len(dst) >= 8 && len(src) >= 8 {
		switch k := (*[8]bool)(keep); *(*uint64)(unsafe.Pointer(k)) {
		case all:
			copy(dst[:8], src[:8])
		case none:
			fill(dst[:8], negInf)
		default:
			for j, x := range src[:8] {
				b := math.Float32bits(x)
				if !k[j] {
					b = minusInf
				}
				dst[j] = math.Float32frombits(b)
			}
		}
		dst, src, keep = dst[8:], src[8:], keep[8:]
	}
	for j, keep := range keep {
		if dst[j] = src[j]; !keep {
			dst[j] = negInf
		}
	}
}

// minusInf is -Inf as bits.
const minusInf = 0xff800000
