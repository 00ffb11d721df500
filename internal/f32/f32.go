// Package f32 has the elementary float32 operations that Go's operators do not
// give: those that an FPU has as one instruction and whose every bit counts here.
package f32

import "math"

// FMA returns x*y + z, rounded once to nearest even.
//
// math.FMA rounds to float64, and rounding its result again to float32 may be
// wrong in the last place.
func FMA(x, y, z float32) float32 {
	p := float64(x) * float64(y) // exact: 24 + 24 bits, far from under- and overflow
	c := float64(z)
	s := p + c
	// A second rounding goes wrong only if s lies half-way between two float32,
	// or denormal float32, whose last 28 bits as a float64 are zero.
	if math.Float64bits(s)<<36 == 0 {
		s = toOdd(p, c, s)
	}
	return float32(s)
}

// toOdd makes s, which is p + c rounded to nearest, into p + c rounded to odd:
// if it is inexact, its last bit is 1. Rounding that to a type with at least two
// bits less gives what rounding the exact sum would.
func toOdd(p, c, s float64) float64 {
	// Knuth's TwoSum: p + c = s + e exactly. If s is infinite or NaN, so is p or
	// c (two float32 and their product can't overflow), and e is NaN.
	t := s - p
	e := (p - (s - t)) + (c - t)
	bits := math.Float64bits(s)
	if e == 0 || e != e || bits&1 != 0 {
		return s
	}
	if (e > 0) == (s > 0) {
		bits++
	} else {
		bits--
	}
	return math.Float64frombits(bits)
}

// MaxNum returns the larger of x and y as AArch64's FMAXNM does (IEEE 754-2008
// maxNum): a quiet NaN yields to a number, a signaling NaN does not, and +0 is
// larger than -0.
func MaxNum(x, y float32) float32 {
	if x > y {
		return x
	}
	if y > x {
		return y
	}
	return maxNumUnordered(x, y)
}

// maxNumUnordered is MaxNum of numbers that are equal, and of NaNs.
func maxNumUnordered(x, y float32) float32 {
	switch {
	case x == y:
		// Equal bits, or zeros of either sign.
		return math.Float32frombits(math.Float32bits(x) & math.Float32bits(y))
	case signaling(x) || signaling(y):
		return float32(math.NaN())
	case x != x:
		return y
	}
	return x
}

// signaling reports whether x is a signaling NaN: one whose fraction is not zero
// and starts with a 0.
func signaling(x float32) bool {
	const quiet = 1 << 22
	return x != x && math.Float32bits(x)&quiet == 0
}
