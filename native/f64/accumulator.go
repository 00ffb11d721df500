package f64

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Accumulator sums the exponentials of a row that comes in pieces, or whose pieces lie with several
// processes, and then writes their softmax:
//
//	a := f64.NewAccumulator(1)
//	for _, piece := range pieces {
//		a.Add(piece)
//	}
//	for _, piece := range pieces {
//		a.Softmax(piece, piece)
//	}
//
// The same pieces and merges in the same order give the same bits on every CPU. A single piece
// gives the bits of [Softmax], [LogSoftmax] and [LogSumExp]. Several keep the same bounds, and each
// merge of pieces whose largest elements are beyond 2^40 in size adds at most 2^-51.
//
// The zero Accumulator is empty and has the scale 1. An Accumulator may be copied. Any number of
// goroutines may read one while none calls Add, Merge or an Unmarshal method. It marshals, with its
// scale, to binary and to text, and so to JSON; equal sums give equal bytes.
type Accumulator struct {
	scale float64 // 0 for 1
	state kind    // plusInf and hasNaN are for good
	// The sum, of elements less ref: 0, or a largest element beyond 2^41 in size.
	ref float64
	sum sum
}

// NewAccumulator returns an empty Accumulator that multiplies elements by scale first, like
// Options.Scale. It panics unless the scale is from 2^-960 to 2^960.
func NewAccumulator(scale float64) Accumulator {
	if err := checkScale(scale); err != nil {
		panic(err.Error())
	}
	return Accumulator{scale: scale}
}

func checkScale(scale float64) error {
	if !(scale >= 0x1p-960 && scale <= 0x1p960) {
		return fmt.Errorf("f64: an accumulator's scale is %v, it must be from 2^-960 to 2^960", scale)
	}
	return nil
}

// Scale returns what elements are multiplied by.
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
	a.add(&j)
	j.release()
}

// add adds the elements of a job. It may shift the job.
func (a *Accumulator) add(j *job) {
	total, kind := j.sumLog()
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
		if top, other := a.sum.max+a.ref, b.max+ref; top >= other {
			b.refer(ref, a.ref, scale, top)
		} else {
			a.sum.refer(a.ref, ref, scale, other)
			a.ref = ref
		}
	} else {
		a.ref = ref
	}
	a.sum.merge(&b)
}

// refer changes the reference of a sum to that of another one with the largest element top, next to
// which the sum may be too small to count. One reference may be 0 and the other one 2^41: then it is not
// their difference that says so.
func (s *sum) refer(from, to float64, scale *arith64.Scale, top float64) {
	if !((s.max+from-top)*scale.Factor > -3000) {
		*s = sum{}
		return
	}
	d := from - to
	n := scale.N(d)
	f := scale.Exp(d, n)
	s.n += n
	s.hi, s.lo, s.top, s.rest = float64(s.hi*f), float64(s.lo*f), float64(s.top*f), float64(s.rest*f)
	s.max = s.max + d
}

// Merge adds the sum of b to a. It panics if their scales differ.
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

// LogSumExp returns the logarithm of the sum, with the bounds and special values of the function
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
	shape.CheckRow(who, "src", dst, src)
	j := a.job(dst, src)
	if k := a.kind(); k != regular {
		j.writeSpecial(k, log)
		return
	}
	s := a.sum
	p := softmaxPass(&s)
	if log {
		h, l := s.excess(&j.scale)
		p.log, p.m, p.excess = true, s.max+a.ref, h+l
	} else {
		j.shifted, j.shift = a.ref != 0, a.ref
	}
	j.write(&p, 0, len(src))
	j.release()
}

// The binary form, little-endian: a version, the state, six zeros, and as float64 the scale, ref and the
// fields of the sum.
const (
	accumulatorVersion = 1
	accumulatorLen     = 8 + 8*8
)

// AppendBinary appends what MarshalBinary returns to b. It allocates only if b lacks room.
func (a Accumulator) AppendBinary(b []byte) ([]byte, error) {
	c := a
	if c.kind() != regular {
		c.ref, c.sum = 0, sum{}
	}
	b = append(b, accumulatorVersion, byte(c.state), 0, 0, 0, 0, 0, 0)
	s := &c.sum
	for _, x := range [...]float64{c.Scale(), c.ref, s.n, s.max, s.hi, s.lo, s.top, s.rest} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b, nil
}

// MarshalBinary returns the sum and its scale in 72 bytes. The first is the version.
func (a Accumulator) MarshalBinary() ([]byte, error) {
	return a.AppendBinary(make([]byte, 0, accumulatorLen))
}

// UnmarshalBinary sets a to what MarshalBinary returned. It returns an error, and leaves a alone,
// if data is not such, or has another scale than a got from [NewAccumulator].
func (a *Accumulator) UnmarshalBinary(data []byte) error {
	if len(data) != accumulatorLen {
		return fmt.Errorf("f64: an accumulator has %d bytes, not %d", accumulatorLen, len(data))
	}
	if data[0] != accumulatorVersion {
		return fmt.Errorf("f64: an accumulator of version %d, this package reads version %d", data[0], accumulatorVersion)
	}
	f := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(data[8+8*i:])) }
	b := Accumulator{scale: f(0), state: kind(data[1]), ref: f(1), sum: sum{n: f(2), max: f(3), hi: f(4), lo: f(5), top: f(6), rest: f(7)}}
	if err := b.check(data); err != nil {
		return err
	}
	if a.scale != 0 && a.scale != b.scale {
		return fmt.Errorf("f64: an accumulator of scale %v can't become one of scale %v", a.scale, b.scale)
	}
	*a = b
	return nil
}

// check returns an error for what the methods can't have made.
func (a *Accumulator) check(data []byte) error {
	if err := checkScale(a.scale); err != nil {
		return err
	}
	if data[1] == byte(allInf) || data[1] > byte(hasNaN) || string(data[2:8]) != "\x00\x00\x00\x00\x00\x00" {
		return fmt.Errorf("f64: an accumulator begins with % x, which means nothing", data[:8])
	}
	s, scale := &a.sum, arith64.MakeScale(a.scale)
	if s.hi == 0 || a.state != regular {
		for _, b := range data[16:] {
			if b != 0 {
				return fmt.Errorf("f64: an accumulator without a sum has % x behind its scale, it must be zeros", data[16:])
			}
		}
		return nil
	}
	size := s.max * a.scale
	switch n := scale.N(s.max); {
	case !(math.Abs(size) <= 2*arith64.Far):
		return fmt.Errorf("f64: an accumulator's largest element is %v, with scale %v it must be within 2^41", s.max, a.scale)
	case a.ref-a.ref != 0:
		return fmt.Errorf("f64: an accumulator's ref is %v, it must be finite", a.ref)
	case s.n != math.Trunc(s.n) || math.Abs(s.n-n) > 300:
		return fmt.Errorf("f64: an accumulator's n is %v, with a largest element of %v it must be an integer near %v", s.n, s.max, n)
	case !(s.hi > 0x1p-300 && s.hi <= 0x1p300):
		return fmt.Errorf("f64: an accumulator's sum is %v, it must be from 2^-300 to 2^300", s.hi)
	case !(math.Abs(s.lo) <= 0x1p-10*s.hi):
		return fmt.Errorf("f64: an accumulator's sum has %v behind %v, it must be at most 2^-10 of it", s.lo, s.hi)
	case !(s.top > 0 && s.top <= 1.001*s.hi):
		return fmt.Errorf("f64: an accumulator's largest exponential is %v, it must be above 0 and at most the sum, %v", s.top, s.hi)
	case !(s.rest >= 0 && s.rest <= 1.001*s.hi):
		return fmt.Errorf("f64: an accumulator's rest is %v, it must be from 0 to the sum, %v", s.rest, s.hi)
	}
	return nil
}

// AppendText appends what MarshalText returns to b.
func (a Accumulator) AppendText(b []byte) ([]byte, error) {
	var bin [accumulatorLen]byte
	data, err := a.AppendBinary(bin[:0])
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(b, data), nil
}

// MarshalText returns the binary form in base64, which is a string in JSON.
func (a Accumulator) MarshalText() ([]byte, error) { return a.AppendText(nil) }

// UnmarshalText is UnmarshalBinary of base64.
func (a *Accumulator) UnmarshalText(text []byte) error {
	data, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("f64: an accumulator's text: %w", err)
	}
	return a.UnmarshalBinary(data)
}

// Factor returns what to multiply results by that were made with b's exponentials, as [ExpRows]
// writes them, to combine them with results of a. Here a is b after more was added or merged.
// Factor is 0 if b is empty, and NaN if a has a NaN or +Inf. It merges workers that each have some
// of the keys, as in split decoding:
//
//	all := a
//	all.Merge(&b)
//	out = all.Factor(&a) * outA + all.Factor(&b) * outB
func (a *Accumulator) Factor(b *Accumulator) float64 {
	switch {
	case a.kind() > allInf || b.kind() > allInf:
		return nan
	case a.sum.hi == 0 || b.sum.hi == 0:
		return 0
	}
	scale := arith64.MakeScale(a.Scale())
	n, f := scale.N(b.sum.max)-scale.N(a.sum.max), 1.0
	if d := b.ref - a.ref; d != 0 {
		if !((b.sum.max+b.ref-(a.sum.max+a.ref))*scale.Factor > -1e7) {
			return 0
		}
		k := scale.N(d)
		n, f = n+k, scale.Exp(d, k)
	}
	if n > 1023 {
		return math.Inf(1)
	}
	if f = float64(f * arith64.Pow2(n)); f < 0x1p-1022 {
		return 0
	}
	return f
}

// Reciprocal returns 1/sum, rounded once, in the unit of the exponentials that [ExpRows] writes:
// multiply results made with them by it where [DivideRows] can't be used. It is NaN if the sum is
// empty or has a NaN or +Inf.
func (a *Accumulator) Reciprocal() float64 {
	if a.kind() != regular {
		return nan
	}
	f := a.reciprocal()
	return float64((f.CHi + f.CLo) * arith64.Down)
}

// reciprocal is 1/sum in that unit, as the second pass takes it.
func (a *Accumulator) reciprocal() arith64.Factor {
	scale := arith64.MakeScale(a.Scale())
	f, _ := arith64.MakeFactor(a.sum.hi, a.sum.lo, a.sum.n-scale.N(a.sum.max))
	return f
}

// exp adds a row and writes its exponentials to the job's dst, and the factor of those before.
func (a *Accumulator) exp(j *job, factor *float64) {
	if a.kind() == allInf {
		*a = Accumulator{scale: j.scale.Factor}
	}
	before := *a
	a.add(j)
	*factor = a.Factor(&before)
	switch a.kind() {
	case regular:
		j.shifted, j.shift = a.ref != 0, a.ref
		p := pass{n: j.scale.N(a.sum.max), f: arith64.Same}
		j.write(&p, 0, len(j.src))
	case allInf:
		clear(j.dst)
	default:
		fill(j.dst, nan)
	}
}
