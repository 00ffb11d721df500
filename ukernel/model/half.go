package model

import (
	"math"

	"github.com/twopass-softmax/twopass/ukernel"
)

// half is a 16-bit type: sign, exponent, and so many bits of the mantissa.
type half struct {
	bits int
	// least is the exponent of the smallest number above 0.
	least int
	// largest is the largest finite number.
	largest float64
}

var float16 = half{10, -24, 65504}

// number is what a word stands for.
func (h half) number(word uint16) float32 {
	exponent, mantissa := int(word&0x7fff)>>h.bits, int(word)&(1<<h.bits-1)
	x := math.Ldexp(float64(mantissa), h.least)
	switch {
	case exponent == 1<<(15-h.bits)-1 && mantissa != 0:
		return float32(math.NaN())
	case exponent == 1<<(15-h.bits)-1:
		x = math.Inf(1)
	case exponent > 0:
		x = math.Ldexp(float64(1<<h.bits+mantissa), h.least+exponent-1)
	}
	if word>>15 != 0 {
		x = -x
	}
	return float32(x)
}

// unit is the exponent of the last bit of x, which is not negative.
func (h half) unit(x float64) int {
	if x == 0 {
		return h.least
	}
	return max(math.Ilogb(x)-h.bits, h.least)
}

// round is the number of the type nearest to x, the even one of two.
func (h half) round(x float32) float32 { return h.round64(float64(x)) }

// round64 is round of a float64.
func (h half) round64(x float64) float32 {
	r := math.Abs(x)
	if r <= math.MaxFloat64 {
		e := h.unit(r)
		if r = math.Ldexp(math.RoundToEven(math.Ldexp(r, -e)), e); r > h.largest {
			r = math.Inf(1)
		}
	}
	return float32(math.Copysign(r, x))
}

// word is the word that stands for a number of the type.
func (h half) word(x float32) uint16 {
	r := math.Abs(float64(x))
	var w uint16
	switch {
	case x != x:
		w = 1<<15 - 1
	case r > h.largest:
		w = (1<<15 - 1) >> h.bits << h.bits
	default:
		e := h.unit(r)
		w = uint16(math.Ldexp(r, -e)) + uint16(e-h.least)<<h.bits
	}
	return w | uint16(math.Float32bits(x)>>31<<15)
}

// Numbers converts what a kernel wrote to a.Dst16 or a.Dst8 into a.Dst. It does nothing for a
// family that writes float32.
func Numbers(f ukernel.Family, a ukernel.Args) {
	switch {
	case f == ukernel.U8LUT32Norm:
		for i, x := range a.Dst8 {
			a.Dst[i] = float32(x)
		}
	case f.Stores() && f.Half():
		for i, w := range a.Dst16 {
			a.Dst[i] = float16.number(w)
		}
	}
}
