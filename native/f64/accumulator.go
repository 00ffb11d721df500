package f64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
)

// Accumulator sums the exponentials of a row that comes in pieces, or whose pieces lie with
// several processes, and then writes their softmax:
//
//	a := f64.NewAccumulator(1)
//	for _, piece := range pieces {
//		a.Add(piece)
//	}
//	for _, piece := range pieces {
//		a.Softmax(piece, piece)
//	}
//
// The same pieces and merges in the same order give the same bits on every CPU. A single piece gives the
// bits of [Softmax], [LogSoftmax] and [LogSumExp]. Others are within the same bounds, and 2^-51 more
// for each merge of pieces whose largest elements are beyond 2^40 in size.
//
// The zero Accumulator is empty and has the scale 1. An Accumulator may be copied. It is not
// safe for concurrent use, except that any number of goroutines may read it, which everything
// but Add and Merge does.
type Accumulator struct {
	scale float64 // 0 for 1
	state kind    // plusInf and hasNaN are for good
	// The sum, of elements less ref: 0, or a largest element beyond 2^41 in size.
	ref float64
	sum sum
}

// NewAccumulator returns an empty Accumulator that multiplies elements by scale first, as
// Options.Scale says. It panics if the scale is not from 2^-960 to 2^960.
func NewAccumulator(scale float64) Accumulator {
	if !(scale >= 0x1p-960 && scale <= 0x1p960) {
		panic(fmt.Sprintf("f64: an accumulator's scale is %v, it must be from 2^-960 to 2^960", scale))
	}
	return Accumulator{scale: scale}
}

// Scale is what elements are multiplied by.
func (a *Accumulator) Scale() float64 {
	if a.scale == 0 {
		return 1
	}
	return a.scale
}

func (a *Accumulator) job(dst, src []float64) job {
	j := newJob(dst, src)
	j.scale = arith64.MakeScale(a.Scale())
	return j
}

// Add adds a piece.
func (a *Accumulator) Add(src []float64) {
	if len(src) == 0 {
		return
	}
	j := a.job(nil, src)
	total, kind := j.sumLog()
	j.release()
	switch kind {
	case regular:
		a.merge(&total, j.shift, &j.scale)
	case allInf:
	default:
		a.state = max(a.state, kind)
	}
}

// merge adds a sum of elements less ref.
func (a *Accumulator) merge(s *sum, ref float64, scale *arith64.Scale) {
	if s.hi == 0 || a.state > allInf {
		return
	}
	b := *s
	if a.sum.hi != 0 && a.ref != ref {
		// Bring both to the reference of the larger element.
		if a.sum.max+a.ref >= b.max+ref {
			b.refer(ref, a.ref, scale)
		} else {
			a.sum.refer(a.ref, ref, scale)
			a.ref = ref
		}
	} else {
		a.ref = ref
	}
	a.sum.merge(&b)
}

// refer changes the reference of a sum to one that is not much smaller.
func (s *sum) refer(from, to float64, scale *arith64.Scale) {
	d := from - to
	if !(d*scale.Factor > -3000) {
		*s = sum{}
		return
	}
	n := scale.N(d)
	f := scale.Exp(d, n)
	s.n += n
	s.hi, s.lo, s.top, s.rest = float64(s.hi*f), float64(s.lo*f), float64(s.top*f), float64(s.rest*f)
	s.max = s.max + d
}

// Merge adds what b holds. It panics if b has another scale.
func (a *Accumulator) Merge(b *Accumulator) {
	if b == nil {
		panic("f64.Accumulator.Merge: the accumulator is nil")
	}
	if a.Scale() != b.Scale() {
		panic(fmt.Sprintf("f64.Accumulator.Merge: scale %v can't be merged with scale %v", a.Scale(), b.Scale()))
	}
	a.state = max(a.state, b.state)
	s, scale := b.sum, arith64.MakeScale(a.Scale())
	a.merge(&s, b.ref, &scale)
}

// kind is what the row is so far.
func (a *Accumulator) kind() kind {
	if a.state == regular && a.sum.hi == 0 {
		return allInf
	}
	return a.state
}

// LogSumExp is the logarithm of the sum, with the bounds and special values of the function
// [LogSumExp].
func (a *Accumulator) LogSumExp() float64 {
	if k := a.kind(); k != regular {
		return k.log()
	}
	s, scale := a.sum, arith64.MakeScale(a.Scale())
	return s.log(s.max+a.ref, &scale)
}

// Softmax writes exp(scale * x) / sum for each element x of src, a piece of what was added, under
// the terms of the function [Softmax].
func (a *Accumulator) Softmax(dst, src []float64) {
	a.write("f64.Accumulator.Softmax", dst, src, false)
}

// LogSoftmax writes scale * x - log(sum) for each element x of src, a piece of what was added,
// under the terms of the function [LogSoftmax].
func (a *Accumulator) LogSoftmax(dst, src []float64) {
	a.write("f64.Accumulator.LogSoftmax", dst, src, true)
}

func (a *Accumulator) write(who string, dst, src []float64, log bool) {
	checkRow(who, "src", dst, src)
	j := a.job(dst, src)
	if k := a.kind(); k != regular {
		j.writeSpecial(k, log)
		return
	}
	s := a.sum
	p := pass{log: log, n: s.n, hi: s.hi, lo: s.lo}
	if log {
		h, l := s.excess(&j.scale)
		p.m, p.excess = s.max+a.ref, h+l
	} else {
		j.shifted, j.shift = a.ref != 0, a.ref
	}
	j.write(&p)
	j.release()
}
