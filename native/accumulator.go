package native

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Accumulator sums the exponentials of a row that comes in pieces, or whose
// pieces lie with several processes, and then writes their softmax:
//
//	var a native.Accumulator
//	for _, piece := range pieces {
//		a.Add(piece)
//	}
//	for _, piece := range pieces {
//		a.Softmax(piece, piece)
//	}
//
// It holds a pair (mass, ref) with sum = mass * exp(ref), where ref is near the
// largest element. So nothing overflows, and, unlike with a power of 2 for the
// second, nothing is lost where elements are as large as 1e30.
//
// The zero Accumulator is empty and uses the defaults; [Softmaxer.Accumulator]
// makes one with options. An Accumulator may be copied. It is not safe for
// concurrent use, except that any number of goroutines may read it, which
// everything but Add, Merge and UnmarshalBinary does.
type Accumulator struct {
	sum sum
	s   Softmaxer
}

// Accumulator returns an empty Accumulator with the options of s, but without
// its mask.
func (s Softmaxer) Accumulator() Accumulator {
	return Accumulator{s: s.Masked(Mask{})}
}

// Add adds a piece. The same pieces in the same order give the same bits.
func (a *Accumulator) Add(src []float32) { a.sum = merge(a.sum, a.s.total(src, 0)) }

// Merge adds what b holds. The same merges in the same order give the same bits;
// another order gives others: each merge rounds the sum to 2^-52 of it, and
// marshalling to 2^-24.
func (a *Accumulator) Merge(b *Accumulator) { a.sum = merge(a.sum, b.sum) }

// LogSumExp is the logarithm of the sum, with the bounds and special values of
// the function [LogSumExp].
func (a *Accumulator) LogSumExp() float32 { return float32(a.sum.log()) }

// Softmax writes exp(x) / sum for each element x of src, a piece of what was
// added, under the terms of the function [Softmax].
func (a *Accumulator) Softmax(dst, src []float32) {
	ukernel.CheckSlices("native.Accumulator.Softmax", dst, src)
	a.write(dst, src, false)
}

// LogSoftmax writes x - log(sum) for each element x of src, a piece of what was
// added, under the terms of the function [LogSoftmax].
func (a *Accumulator) LogSoftmax(dst, src []float32) {
	ukernel.CheckSlices("native.Accumulator.LogSoftmax", dst, src)
	a.write(dst, src, true)
}

func (a *Accumulator) write(dst, src []float32, log bool) {
	if len(src) == 0 {
		return
	}
	r := a.s.worker(len(src))
	src = a.s.prepare(r.engine, dst, src, 0)
	switch {
	case a.sum.special():
		fill(dst, fillValue(a.sum, a.s.empty(log)))
	case log:
		r.writeLog(dst, src, a.sum)
	default:
		r.write(dst, src, a.sum)
	}
}

// marshalledLen is the length of a marshalled Accumulator.
const marshalledLen = 8

// The masses of sums with finite elements: no sum of ours is below 1, as ref is
// no larger than the largest element, nor can there be more than maxMass
// elements. With the reciprocals of others the results would leave float32.
const (
	minMass = 0.5
	maxMass = 1 << 64
)

// AppendBinary appends what MarshalBinary returns to b, without allocating if
// there is room for it.
func (a *Accumulator) AppendBinary(b []byte) ([]byte, error) {
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(a.sum.mass)))
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(a.sum.ref)), nil
}

// MarshalBinary returns the sum in 8 bytes, two little-endian float32: mass and
// ref, with sum = mass * exp(ref). Ref is finite, and near the largest element:
// mass is from 0.5 to 2^64. Besides, a mass of 0 is the sum of nothing, +Inf that
// of a row with +Inf, NaN that of one with NaN; their ref is 0. Rounding mass to
// float32 changes the sum by up to 2^-24 of it. Options are not part of it.
func (a *Accumulator) MarshalBinary() ([]byte, error) {
	return a.AppendBinary(make([]byte, 0, marshalledLen))
}

// UnmarshalBinary sets the sum to what MarshalBinary returned, and leaves the
// options as they are. The error tells what it can't have returned; a does not
// change then.
func (a *Accumulator) UnmarshalBinary(data []byte) error {
	if len(data) != marshalledLen {
		return fmt.Errorf("native: an accumulator has %d bytes, not %d", marshalledLen, len(data))
	}
	mass := math.Float32frombits(binary.LittleEndian.Uint32(data))
	ref := math.Float32frombits(binary.LittleEndian.Uint32(data[4:]))
	s := sum{float64(mass), ref}
	switch {
	case math.Signbit(s.mass) && mass == mass:
		return fmt.Errorf("native: an accumulator's mass can't be %v", mass)
	case !s.special() && (mass < minMass || mass > maxMass):
		return fmt.Errorf("native: an accumulator's mass is %v, it must be from %v to %v", mass, minMass, float32(maxMass))
	case s.special() && math.Float32bits(ref) != 0:
		return fmt.Errorf("native: an accumulator's ref is %v, with a mass of %v it must be 0", ref, mass)
	case !finite(ref):
		return fmt.Errorf("native: an accumulator's ref can't be %v", ref)
	}
	a.sum = s
	return nil
}
