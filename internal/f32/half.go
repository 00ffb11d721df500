package f32

import "math"

// FromHalf is the value of an IEEE 754 binary16 number. A NaN keeps its payload.
func FromHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // mantissa * 2^-24, exactly
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)*0x1p-24))
	case 0x1f:
		exponent = 0xff - 112
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}

// ToHalf rounds to binary16, to nearest even. What is 65520 or more in magnitude
// becomes an infinity, and a NaN a quiet NaN with the upper bits of its payload.
func ToHalf(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 1<<31 - 1
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000:
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: an integer multiple of 2^-24
		// Adding 1/2 leaves the bits from 2^-24 on, rounded.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1 // rounds; a carry goes to the exponent, where it belongs
	return sign | uint16((b-112<<23)>>13)
}
