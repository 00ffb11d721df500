package native

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Accumulator sums the exponentials of a row that comes in pieces, or whose pieces lie with several
// processes, and then writes their softmax:
//
//	a := native.NewAccumulator(1)
//	for _, piece := range pieces {
//		a.Add(piece)
//	}
//	for _, piece := range pieces {
//		a.Softmax(piece, piece)
//	}
//
// The same pieces and merges in the same order give the same bits on every CPU. Pieces whose
// lengths are multiples of 65,536, before a last one of any length, give the bits of [Softmax],
// [LogSoftmax] and [LogSumExp] of the whole row, unless its largest element is beyond 327,680 in
// size. Other pieces keep the same bounds, and each merge adds at most 2^-24.
//
// The zero Accumulator is empty and has the scale 1. An Accumulator may be copied. Any number of
// goroutines may read one while none calls Add, Merge or an Unmarshal method. It marshals, with its
// scale, to binary and to text, and so to JSON; equal sums give equal bytes.
type Accumulator struct {
	scale float32 // 0 for 1
	state kind    // plusInf and hasNaN are for good
	// The sum, of elements less ref: 0, or a largest element beyond 5 * 2^16 in size.
	ref float32
	sum sum
}

// NewAccumulator returns an empty Accumulator that multiplies elements by scale first, like
// Options.Scale. It panics unless the scale is from 2^-120 to 2^120.
func NewAccumulator(scale float32) Accumulator {
	if err := checkScale(scale); err != nil {
		panic(err.Error())
	}
	return Accumulator{scale: scale}
}

func checkScale(scale float32) error {
	if !(scale >= 0x1p-120 && scale <= largeScale) {
		return fmt.Errorf("native: an accumulator's scale is %v, it must be from 2^-120 to 2^120", scale)
	}
	return nil
}

// Scale returns what elements are multiplied by.
func (a *Accumulator) Scale() float32 {
	if a.scale == 0 {
		return 1
	}
	return a.scale
}

// factor is the scale of elements as they are summed: those of 2^120 are products already, as
// Options.Scale says.
func (a *Accumulator) factor() float32 {
	if a.scale == largeScale {
		return 1
	}
	return a.Scale()
}

func (a *Accumulator) job(dst, src []float32) job {
	j := newJob(dst, src)
	j.log = true
	if a.scale == largeScale {
		j.mul = a.scale
	}
	j.factor = a.factor()
	j.scale.Set(j.factor)
	return j
}

// Add adds a piece.
func (a *Accumulator) Add(src []float32) {
	if len(src) == 0 {
		return
	}
	j := a.job(nil, src)
	a.add(&j)
	j.release()
}

// add adds the elements of a job that is for logarithms. It may shift the job.
func (a *Accumulator) add(j *job) {
	if j.src.len() == 0 {
		return
	}
	var one [1]chunk
	chunks := j.split(&one)
	special := false
	for i := range chunks {
		j.sumChunk(&chunks[i])
		special = special || chunks[i].state != summed
	}
	if !special {
		for i := range chunks {
			a.merge(&chunks[i].sum, 0)
		}
		return
	}
	switch total, kind := j.sumRow(chunks); kind {
	case regular:
		a.merge(&total, j.shift)
	case allInf:
	default:
		a.state = max(a.state, kind)
	}
}

// merge adds a sum of elements less ref.
func (a *Accumulator) merge(s *sum, ref float32) {
	if s.total != s.total {
		a.state = hasNaN
	}
	if s.total == 0 || a.state > allInf {
		return
	}
	b := *s
	if a.sum.total != 0 && a.ref != ref {
		// Bring both to the reference of the larger element.
		if top, other := largestOf(a.sum.max, a.ref), largestOf(b.max, ref); top >= other {
			b.refer(ref, a.ref, a.factor(), top)
		} else {
			a.sum.refer(a.ref, ref, a.factor(), other)
			a.ref = ref
		}
	} else {
		a.ref = ref
	}
	a.sum.merge(&b)
}

// largestOf is a largest element as it was, before a reference was subtracted.
func largestOf(m, ref float32) float64 { return float64(m) + float64(ref) }

// refer changes the reference of a sum to that of another one with the largest element top, next to
// which the sum may be too small to count.
func (s *sum) refer(from, to, scale float32, top float64) {
	m := largestOf(s.max, from)
	if float64((m-top)*float64(scale)) < -1000 {
		*s = sum{}
		return
	}
	k, f := referred(from, to, scale)
	s.n += k
	s.total, s.top, s.rest = float64(s.total*f), float64(s.top*f), float64(s.rest*f)
	s.max = float32(m - float64(to))
}

// referred is what another reference multiplies a sum by, as 2^k * f. K is 0 unless one reference is 0
// and the other one far from it.
func referred(from, to, scale float32) (k float32, f float64) {
	d := float64((float64(from) - float64(to)) * float64(scale))
	if d < -1000 || d > 0 {
		power := math.Ceil(float64(d * math.Log2E))
		k, d = float32(power), min(0, d-float64(power*math.Ln2))
	}
	return k, arith.Exp64(d)
}

// Merge adds the sum of b to a. It panics if their scales differ.
func (a *Accumulator) Merge(b *Accumulator) {
	if b == nil {
		panic("native.Accumulator.Merge: the accumulator is nil")
	}
	if a.Scale() != b.Scale() {
		panic(fmt.Sprintf("native.Accumulator.Merge: scale %v can't be merged with scale %v", a.Scale(), b.Scale()))
	}
	a.state = max(a.state, b.state)
	s := b.sum
	a.merge(&s, b.ref)
}

// kind is what the row is so far.
func (a *Accumulator) kind() kind {
	if a.state == regular && a.sum.total == 0 {
		return allInf
	}
	return a.state
}

// LogSumExp returns the logarithm of the sum, with the bounds and special values of the function
// [LogSumExp].
func (a *Accumulator) LogSumExp() float32 {
	s, scale := a.sum, float64(a.factor())
	if k := a.kind(); k != regular {
		return k.log()
	}
	return float32(float64(largestOf(s.max, a.ref)*scale) + s.excess(a.factor()))
}

// Softmax writes exp(scale * x) / sum for each element x of src, a piece of what was added, under
// the terms of the function [Softmax].
func (a *Accumulator) Softmax(dst, src []float32) {
	a.write("native.Accumulator.Softmax", dst, src, false)
}

// LogSoftmax writes scale * x - log(sum) for each element x of src, a piece of what was added,
// under the terms of the function [LogSoftmax].
func (a *Accumulator) LogSoftmax(dst, src []float32) {
	a.write("native.Accumulator.LogSoftmax", dst, src, true)
}

func (a *Accumulator) write(who string, dst, src []float32, log bool) {
	checkRow(who, "src", dst, src)
	if len(src) == 0 {
		return
	}
	j := a.job(dst, src)
	defer j.release()
	j.shifted, j.shift = a.ref != 0, a.ref
	s := a.sum
	if k := a.kind(); k != regular {
		j.writeSpecial(k)
		return
	}
	var one [1]chunk
	excess := float32(s.excess(j.factor))
	for _, c := range j.split(&one) {
		if log {
			j.writeLog(&c, &s, excess)
		} else {
			j.writeSoftmax(&c, &s)
		}
	}
}

// The binary form, little-endian: a version, the state, two zeros, the scale, ref, n and max as
// float32, total and rest as float64.
const (
	accumulatorVersion = 1
	accumulatorLen     = 4 + 4*4 + 2*8
)

// AppendBinary appends what MarshalBinary returns to b. It allocates only if b lacks room.
func (a Accumulator) AppendBinary(b []byte) ([]byte, error) {
	c := a
	if c.state > allInf || c.sum.total == 0 {
		c.ref, c.sum = 0, sum{}
	}
	b = append(b, accumulatorVersion, byte(c.state), 0, 0)
	for _, x := range [...]float32{c.Scale(), c.ref, c.sum.n, c.sum.max} {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.sum.total))
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(c.sum.rest)), nil
}

// MarshalBinary returns the sum and its scale in 36 bytes. The first is the version.
func (a Accumulator) MarshalBinary() ([]byte, error) {
	return a.AppendBinary(make([]byte, 0, accumulatorLen))
}

// UnmarshalBinary sets a to what MarshalBinary returned. It returns an error, and leaves a alone,
// if data is not such, or has another scale than a got from [NewAccumulator].
func (a *Accumulator) UnmarshalBinary(data []byte) error {
	if len(data) != accumulatorLen {
		return fmt.Errorf("native: an accumulator has %d bytes, not %d", accumulatorLen, len(data))
	}
	if data[0] != accumulatorVersion {
		return fmt.Errorf("native: an accumulator of version %d, this package reads version %d", data[0], accumulatorVersion)
	}
	f := func(at int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(data[at:])) }
	d := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(data[at:])) }
	b := Accumulator{scale: f(4), state: kind(data[1]), ref: f(8), sum: sum{n: f(12), max: f(16), total: d(20), rest: d(28)}}
	if err := b.check(data); err != nil {
		return err
	}
	if a.scale != 0 && a.scale != b.scale {
		return fmt.Errorf("native: an accumulator of scale %v can't become one of scale %v", a.scale, b.scale)
	}
	s := arith.MakeScale(b.factor())
	if b.sum.total != 0 {
		b.sum.top = s.Exp64(b.sum.max, b.sum.n)
	}
	*a = b
	return nil
}

// check returns an error for what the methods can't have made.
func (a *Accumulator) check(data []byte) error {
	s := &a.sum
	if err := checkScale(a.scale); err != nil {
		return err
	}
	if data[2] != 0 || data[3] != 0 || a.state == allInf || a.state > hasNaN {
		return fmt.Errorf("native: an accumulator begins with % x, which means nothing", data[:4])
	}
	if s.total == 0 || a.state != regular {
		for _, b := range data[8:] {
			if b != 0 {
				return fmt.Errorf("native: an accumulator without a sum has % x behind its scale, it must be zeros", data[8:])
			}
		}
		return nil
	}
	size := float64(s.max) * float64(a.factor())
	switch {
	case !(size >= -2*arith.Huge && size <= 2*arith.Huge):
		return fmt.Errorf("native: an accumulator's largest element is %v, with scale %v it must be within %d", s.max, a.scale, 2*arith.Huge)
	case a.ref-a.ref != 0:
		return fmt.Errorf("native: an accumulator's ref is %v, it must be finite", a.ref)
	case s.n != float32(math.Trunc(float64(s.n))) || math.Abs(float64(s.n)-size/math.Ln2) > 300:
		return fmt.Errorf("native: an accumulator's n is %v, with a largest element of %v it must be an integer near %v", s.n, s.max, size/math.Ln2)
	case !(s.total > 0 && s.total <= 0x1p200):
		return fmt.Errorf("native: an accumulator's total is %v, it must be above 0 and at most 2^200", s.total)
	case !(s.rest >= 0 && s.rest <= 1.001*s.total):
		return fmt.Errorf("native: an accumulator's rest is %v, it must be from 0 to the total, %v", s.rest, s.total)
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
		return fmt.Errorf("native: an accumulator's text: %w", err)
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
func (a *Accumulator) Factor(b *Accumulator) float32 {
	switch {
	case a.kind() > allInf || b.kind() > allInf:
		return nan
	case a.sum.total == 0 || b.sum.total == 0:
		return 0
	}
	k, f := referred(b.ref, a.ref, a.factor())
	return normal(float64(f * pow2(b.unit()-a.unit()+k)))
}

// Reciprocal returns 1/sum, rounded once, in the unit of the exponentials that [ExpRows] writes:
// multiply results made with them by it where [DivideRows] can't be used. It is NaN if the sum is
// empty or has a NaN or +Inf.
func (a *Accumulator) Reciprocal() float32 {
	if a.kind() != regular {
		return nan
	}
	return float32(1 / a.unitTotal())
}

// exps writes a row's exponentials. Their sum is in a already.
func (a *Accumulator) exps(j *job) {
	switch a.kind() {
	case regular:
	case allInf:
		j.dst.fill(0)
		return
	default:
		j.dst.fill(nan)
		return
	}
	j.shifted, j.shift = a.ref != 0, a.ref
	st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo, N: a.unit()}
	f := arith.Same
	for at, end := 0, j.src.len(); at < end; {
		z := j.elements(at, min(at+callLen, end))
		y := j.results(at, at+len(z))
		z = z[:len(y)]
		if j.stream {
			j.level.ExpScaleStream(y, z, &st, &f)
		} else {
			j.level.ExpScale(y, z, &st, &f)
		}
		j.store(at, y)
		at += len(z)
	}
}

// unit is the N of the exponentials that ExpRows writes.
func (a *Accumulator) unit() float32 {
	s := arith.MakeScale(a.factor())
	return s.Unit(a.sum.max)
}

// unitTotal is the sum in that unit.
func (a *Accumulator) unitTotal() float64 { return float64(a.sum.total * pow2(a.sum.n-a.unit())) }
