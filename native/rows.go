package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/ukernel"
)

// SoftmaxRows writes the softmax of each row of src to that row of dst. Both
// are row-major: element j of row i is at i*stride + j, and what lies between
// the rows is neither read nor written. A stride is at least cols, and a slice
// has at least (rows-1)*stride + cols elements, or none if there are no rows or
// columns.
//
// A row's bits are those that [Softmax] gives it. Dst may begin where src does
// if the strides are equal, which is in place; if the slices overlap otherwise,
// or the numbers don't fit, SoftmaxRows panics.
func SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	standard.softmaxRows(dst, src, rows, cols, dstStride, srcStride)
}

// LogSoftmaxRows is [LogSoftmax] of each row, under the terms of [SoftmaxRows].
func LogSoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	standard.logSoftmaxRows(dst, src, rows, cols, dstStride, srcStride)
}

// LogSumExpRows writes the [LogSumExp] of row i of src to dst[i]. Src is laid
// out as [SoftmaxRows] says, dst has rows elements and does not overlap src;
// otherwise LogSumExpRows panics.
func LogSumExpRows(dst, src []float32, rows, cols, srcStride int) {
	standard.logSumExpRows(dst, src, rows, cols, srcStride)
}

// SoftmaxRows is the function [SoftmaxRows] with the options of s.
func (s Softmaxer) SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	s.softmaxRows(dst, src, rows, cols, dstStride, srcStride)
}

func (s *Softmaxer) softmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	const who = "native.SoftmaxRows"
	if checkMasked(who, &s.mask, dst, src, rows, cols, dstStride, srcStride) {
		s.eachRow(opSoftmax, dst, src, rows, cols, dstStride, srcStride)
	}
}

// LogSoftmaxRows is the function [LogSoftmaxRows] with the options of s.
func (s Softmaxer) LogSoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	s.logSoftmaxRows(dst, src, rows, cols, dstStride, srcStride)
}

func (s *Softmaxer) logSoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	const who = "native.LogSoftmaxRows"
	if checkMasked(who, &s.mask, dst, src, rows, cols, dstStride, srcStride) {
		s.eachRow(opLogSoftmax, dst, src, rows, cols, dstStride, srcStride)
	}
}

// LogSumExpRows is the function [LogSumExpRows] with the options of s.
func (s Softmaxer) LogSumExpRows(dst, src []float32, rows, cols, srcStride int) {
	s.logSumExpRows(dst, src, rows, cols, srcStride)
}

func (s *Softmaxer) logSumExpRows(dst, src []float32, rows, cols, srcStride int) {
	const who = "native.LogSumExpRows"
	ukernel.CheckMatrix(who, "src", len(src), rows, cols, srcStride)
	if len(dst) != rows {
		panic(fmt.Sprintf("%s: len(dst) is %d, it must be the number of rows, %d", who, len(dst), rows))
	}
	if ukernel.Overlap(dst, src) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps src of %d", who, len(dst), len(src)))
	}
	s.mask.checkRows(who, rows, cols)
	checkMaskApart(who, dst, &s.mask)
	if cols == 0 {
		fill(dst, negInf)
		return
	}
	s.eachRow(opLogSumExp, dst, src, rows, cols, 1, srcStride)
}

// op is what is done to a row.
type op uint8

const (
	opSoftmax op = iota
	opLogSoftmax
	opLogSumExp
)

// eachRow does all rows. Several goroutines take several rows each, or, if
// there are fewer rows than goroutines, the parts of one row after the other.
func (s *Softmaxer) eachRow(o op, dst, src []float32, rows, cols, dstStride, srcStride int) {
	if g := share(s.goroutines, rows*cols, s.kernels().least()); g > 1 && rows >= g {
		one := *s
		one.goroutines = 1
		// Shares small enough that they end at about the same time.
		const task = 1 << 14 // elements
		n := max(1, min(rows/(4*g), task/cols))
		parallel(g, (rows+n-1)/n, func(part int) {
			one.span(o, dst, src, part*n, min((part+1)*n, rows), cols, dstStride, srcStride)
		})
		return
	}
	s.span(o, dst, src, 0, rows, cols, dstStride, srcStride)
}

// span does the rows from first to before end.
func (s *Softmaxer) span(o op, dst, src []float32, first, end, cols, dstStride, srcStride int) {
	// Of short rows without mask or scale there is nothing to ask each time.
	direct := o != opLogSumExp && (s.direct(cols) || cols <= oneBlock && s.unmasked() && s.choose(cols) == ukernel.ThreePassReload)
	r := row{engine: s.kernels(), goroutines: 1}
	var kernel rowsKernel
	if direct {
		kernel = r.rows(o, cols)
	}
	for i := first; i < end; i++ {
		if kernel != nil {
			// As many as the kernel does; where it stops is a row for the others.
			if i += kernel(dst[i*dstStride:], src[i*srcStride:], end-i, cols, dstStride, srcStride); i == end {
				return
			}
		}
		d, x := dst[i*dstStride:], src[i*srcStride:][:cols]
		done := false
		switch {
		case !direct || kernel != nil:
		case o == opSoftmax:
			done = r.reload(d[:cols], x, nan)
		default:
			done = r.logShort(d[:cols], x)
		}
		if !done {
			s.row(o, d, x, i)
		}
	}
}

// row does one row; dst begins where the row's results go.
func (s *Softmaxer) row(o op, dst, src []float32, i int) {
	switch o {
	case opSoftmax:
		s.softmax(dst[:len(src)], src, i)
	case opLogSoftmax:
		s.logSoftmax(dst[:len(src)], src, i)
	case opLogSumExp:
		dst[0] = s.logSumExp(src, i)
	}
}
