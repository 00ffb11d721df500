package native

import "github.com/twopass-softmax/twopass/ukernel"

// Softmax writes exp(x) / sum(exp(x)) for each element x of src to dst, which
// must be as long. Dst may be src itself; if it overlaps src otherwise, or if
// the lengths differ, Softmax panics. An empty row writes nothing.
//
// The relative error of a result is at most 2^-21 + 2^-23 * (max - x), and
// results below 2^-126 may be 0. Special values are those of the package
// comment.
func Softmax(dst, src []float32) { standard.softmaxRow(dst, src) }

// standard has the options of the functions, none. As a variable it costs a
// short row no copy.
var standard Softmaxer

// LogSoftmax writes x - log(sum(exp(x))) for each element x of src to dst, under
// the terms of [Softmax]. The absolute error of a result y is at most
// 2^-22 + 2^-23 * |y|.
func LogSoftmax(dst, src []float32) { standard.logSoftmaxRow(dst, src) }

// LogSumExp returns log(sum(exp(x))) over the elements of src, which is -Inf
// for an empty src. The absolute error of a result y is at most
// 2^-22 + 2^-24 * |y|.
func LogSumExp(src []float32) float32 { return standard.logSumExp(src, 0) }

// Softmax is the function [Softmax] with the options of s.
func (s Softmaxer) Softmax(dst, src []float32) { s.softmaxRow(dst, src) }

func (s *Softmaxer) softmaxRow(dst, src []float32) {
	ukernel.CheckSlices("native.Softmax", dst, src)
	// A short row takes less time than all the questions below.
	if n := len(src); s.direct(n) {
		if f := s.kernels().rows(opSoftmax, n); f != nil && f(dst, src, 1, n, n, n) == 1 {
			return
		}
	}
	s.mask.checkRow("native.Softmax", len(src))
	checkMaskApart("native.Softmax", dst, &s.mask)
	s.softmax(dst, src, 0)
}

// LogSoftmax is the function [LogSoftmax] with the options of s.
func (s Softmaxer) LogSoftmax(dst, src []float32) { s.logSoftmaxRow(dst, src) }

func (s *Softmaxer) logSoftmaxRow(dst, src []float32) {
	ukernel.CheckSlices("native.LogSoftmax", dst, src)
	if n := len(src); s.direct(n) {
		if f := s.kernels().rows(opLogSoftmax, n); f != nil && f(dst, src, 1, n, n, n) == 1 {
			return
		}
	}
	s.mask.checkRow("native.LogSoftmax", len(src))
	checkMaskApart("native.LogSoftmax", dst, &s.mask)
	s.logSoftmax(dst, src, 0)
}

// LogSumExp is the function [LogSumExp] with the options of s.
func (s Softmaxer) LogSumExp(src []float32) float32 {
	s.mask.checkRow("native.LogSumExp", len(src))
	return s.logSumExp(src, 0)
}

// softmax is row i of a matrix.
func (s *Softmaxer) softmax(dst, src []float32, i int) {
	n := s.mask.visible(i, len(src))
	if n > 0 {
		r, a := s.worker(n), s.choose(n)
		if !s.scaled(opSoftmax, r.engine, a, dst[:n], src[:n]) {
			r.softmax(dst[:n], s.prepare(r.engine, dst[:n], src[:n], i), a, s.empty(false))
		}
	}
	s.hide(dst, n, false)
}

// logSoftmax is row i of a matrix.
func (s *Softmaxer) logSoftmax(dst, src []float32, i int) {
	n := s.mask.visible(i, len(src))
	if n > 0 {
		r, a := s.worker(n), s.choose(n)
		if !s.scaled(opLogSoftmax, r.engine, a, dst[:n], src[:n]) {
			r.logSoftmax(dst[:n], s.prepare(r.engine, dst[:n], src[:n], i), a, s.empty(true))
		}
	}
	s.hide(dst, n, true)
}

// scaled does a row with nothing but a scale by one kernel. It is false, and has
// written nothing, if that can't be.
func (s *Softmaxer) scaled(o op, e *engine, a ukernel.Algorithm, dst, src []float32) bool {
	if s.scale == 0 || s.mask.byElement() || a != ukernel.ThreePassReload {
		return false
	}
	f, n := e.scaled(o, len(src)), len(src)
	return f != nil && f(dst, src, s.scale, 1, n, n, n) == 1
}

// hide writes the elements from n on, which the causal mask takes out, as they
// would be were they -Inf in a row with the n before them.
func (s *Softmaxer) hide(dst []float32, n int, log bool) {
	switch {
	case n == len(dst):
	case n == 0:
		fill(dst, s.empty(log))
	case dst[0] != dst[0]:
		fill(dst[n:], nan)
	case log:
		fill(dst[n:], negInf)
	default:
		fill(dst[n:], 0)
	}
}

// logSumExp is row i of a matrix.
func (s *Softmaxer) logSumExp(src []float32, i int) float32 {
	if n := len(src); n <= sumBlock && s.direct(n) {
		if y, ok := s.kernels().logSumExp(src); ok {
			return y
		}
	}
	return float32(s.total(src[:s.mask.visible(i, len(src))], i).log())
}

// total is the sum over row i of a matrix.
func (s *Softmaxer) total(src []float32, i int) (t sum) {
	if len(src) == 0 {
		return sum{}
	}
	r, a := s.worker(len(src)), s.choose(len(src))
	if s.plain() {
		return r.total(src, a)
	}
	buf := scratchPool.Get().(*[scratchLen]float32)
	defer scratchPool.Put(buf)
	for at := 0; at < len(src); at += scratchLen {
		block := src[at:min(at+scratchLen, len(src))]
		t = merge(t, r.total(s.prepareAt(r.engine, buf[:len(block)], block, i, at), a))
	}
	return t
}

// worker is what computes a row of n elements.
func (s *Softmaxer) worker(n int) row {
	e := s.kernels()
	return row{engine: e, goroutines: share(s.goroutines, n, e.least()), stream: s.stream}
}
