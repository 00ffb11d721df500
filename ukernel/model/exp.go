package model

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// exponential is one way to compute exp: constants, and how the result is put
// together. Upstream's names of the constants are in the comments.
//
// All of them reduce the argument to
// t = x - n*ln(2) with n the integer, or 64th, nearest to x*log2(e), evaluate a
// polynomial in t, and scale by 2^n.
type exponential struct {
	// minusLn2 is -ln(2), in one part (rr1) or two (rr2): vminus_ln2, or
	// vminus_ln2_hi and vminus_ln2_lo. Without any, t is computed in float64.
	minusLn2 []float32
	// coefficients are those of the polynomial, highest degree first, down to
	// vc1 for degree 5 and vc2 for degree 2: the lower ones are 1.
	coefficients []float32
	// magic is vmagic_bias: added to a number, it rounds it to an integer (or
	// 64th) and leaves that in the lowest bits.
	magic float32
	// table takes 2^(k/64) from a table (lut64).
	table bool
	// scalef scales by VSCALEFPS, which needs no cutoff.
	scalef bool
}

const (
	log2e = 0x1.715476p+0 // vlog2e
	// cutoff is vdenorm_cutoff: exp(x) is denormal below it, and replaced by 0.
	cutoff = -0x1.5d589ep+6
	// minExponent is vmin_exponent: 2^n is replaced by 0 for n at or below it.
	minExponent = -127
)

var (
	degree5 = []float32{0x1.0f9f9cp-7, 0x1.573a1ap-5, 0x1.555a80p-3, 0x1.fffdc6p-2, 0x1.fffff6p-1}
	degree2 = []float32{0x1.ffff0ap-2}

	// ln(2) as the nearest float32 and the rest. n times the first is exact only
	// in a fused multiply-add.
	ln2Nearest = []float32{-0x1.62e43p-1, 0x1.05c61p-29}
	// ln(2) in one float32.
	ln2Single = []float32{-0x1.62e43p-1}
	// The first part has so few bits that n times it is exact.
	ln2Short = []float32{-0x1.62e4p-1, -0x1.7f7d1cp-20}
	// The same, with room for the 6 further bits of 64n.
	ln2Shorter = []float32{-0x1.63p-1, 0x1.bd0106p-13}
)

const (
	magic127 = 0x1.8000fep+23 // 1.5 * 2^23 + 127
	magic64  = 0x1.8p+17      // 1.5 * 2^23 / 64
)

// The exponentials, by the names that variants of kernels have.
var (
	p5          = exponential{minusLn2: ln2Nearest, coefficients: degree5, magic: magic127}
	p5Double    = exponential{coefficients: degree5, magic: magic127}
	p5Scalef    = exponential{minusLn2: ln2Nearest, coefficients: degree5, scalef: true}
	rr1P5       = exponential{minusLn2: ln2Single, coefficients: degree5, magic: magic127}
	rr2P5       = exponential{minusLn2: ln2Short, coefficients: degree5, magic: magic127}
	rr1P5Scalef = exponential{minusLn2: ln2Single, coefficients: degree5, scalef: true}

	rr1LUT64       = exponential{minusLn2: ln2Single, coefficients: degree2, magic: magic64, table: true}
	rr2LUT64       = exponential{minusLn2: ln2Short, coefficients: degree2, magic: magic64, table: true}
	rr2LUT64Scalar = exponential{minusLn2: ln2Shorter, coefficients: degree2, magic: magic64, table: true}
)

// lookup is 2^x for x a multiple of 1/64 that magic64 was added to: the lowest
// 6 bits choose from the table, those above them are added to the exponent.
func lookup(x float32) float32 {
	b := math.Float32bits(x)
	return math.Float32frombits(f32.Exp2K64[b%64] + b&^63<<17)
}

// reduce returns t = x - n*ln(2).
func (m *machine) reduce(e exponential, n, x vector) vector {
	if e.minusLn2 == nil {
		return m.map2("vt", "minusLn2Times", minusLn2Times, x, n)
	}
	t := x
	for _, c := range e.minusLn2 {
		t = m.fma("vt", n, m.splat(c), t)
	}
	return t
}

// minusLn2Times is x - n*ln(2) in float64, rounded to float32: what kernels
// without a fused multiply-add do that keep the exponent apart, since the two
// parts of ln(2) lose digits as n grows.
func minusLn2Times(x, n float32) float32 {
	return float32(float64(x) - float64(float64(n)*math.Ln2))
}

// horner evaluates the polynomial at t.
func (m *machine) horner(t vector, coefficients ...float32) vector {
	p := m.splat(coefficients[0])
	for _, c := range coefficients[1:] {
		p = m.fma("vp", p, t, m.splat(c))
	}
	return p
}

// extExp returns exp(x) as mantissa p and exponent n: p * 2^n, with p near
// [sqrt(1/2), sqrt(2)]. n has the range of a float32, so nothing
// overflows: the pair on which the paper's two-pass algorithm rests.
func (m *machine) extExp(e exponential, x vector) (n, p vector) {
	n = m.round("vn", m.mul("vn", x, m.splat(log2e)))
	t := m.reduce(e, n, x)
	return n, m.horner(t, append(e.coefficients[:len(e.coefficients):len(e.coefficients)], 1)...)
}

// expMinusMax returns exp(i - max), for i <= max and not NaN.
func (m *machine) expMinusMax(e exponential, i vector, max float32) vector {
	x := m.sub("vx", i, m.splat(max))
	if e.scalef {
		n, p := m.extExp(e, x)
		return m.scalef("vf", p, n)
	}
	magic := m.splat(e.magic)
	n := m.fma("vn", x, m.splat(log2e), magic)
	var s vector
	if e.table {
		s = m.map1("vs", "lookup", lookup, n)
	} else {
		s = m.shift23("vs", n)
	}
	n = m.sub("vn", n, magic)
	t := m.reduce(e, n, x)
	var f vector
	if e.table {
		// f = s + s*(t + t*(t*c2))
		p := m.mul("vp", t, m.splat(e.coefficients[0]))
		p = m.fma("vp", p, t, t)
		f = m.fma("vf", p, s, s)
	} else {
		// f = s + (t*s)*p
		p := m.horner(t, e.coefficients...)
		t = m.mul("vt", t, s)
		f = m.fma("vf", t, p, s)
	}
	return m.map3("vf", "zeroBelow", zeroBelow, x, m.splat(cutoff), f)
}

// power returns 2^d, and 0 for d at or below minExponent or NaN. For integers d
// up to 127 only.
func (m *machine) power(name string, magic float32, d vector) vector {
	return m.shift23(name, m.add(name, d, m.splat(magic)))
}
