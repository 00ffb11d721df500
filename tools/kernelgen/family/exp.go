package family

import (
	"fmt"
	"math"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// The constants of upstream's exponentials, in upstream's order.
const (
	log2e = 0x1.715476p+0 // 1/ln 2

	// The minimax polynomial of degree 5 for exp(t) on [-ln 2/2, ln 2/2].
	c0 = 1
	c1 = 0x1.FFFFF6p-1
	c2 = 0x1.FFFDC6p-2
	c3 = 0x1.555A80p-3
	c4 = 0x1.573A1Ap-5
	c5 = 0x1.0F9F9Cp-7

	// The same of degree 6, which is ours and 30 times as exact; its coefficients
	// of degree 0 and 1 are 1.
	d2 = 0x1.FFFFFCp-2
	d3 = 0x1.555492p-3
	d4 = 0x1.5558ACp-5
	d5 = 0x1.12397Cp-7
	d6 = 0x1.6A519Ep-10

	// magic is 1.5 * 2^23 + 127. A float32 in [2^23, 2^24) has no fraction bits,
	// so that x + magic rounds x to an integer; and that integer, biased as a
	// float's exponent is, stands in the low bits, from where a shift by
	// mantissaBits moves it into the exponent: 2^x.
	magic        = 0x1.8000FEp23
	mantissaBits = 23

	// magic16 is 1.5 * 2^16 + 127, see scaleFactor.
	magic16 = 0x1.807Fp16

	// minExponent is where 2^e becomes zero under (e + magic) << mantissaBits.
	minExponent = -127
	// cutoff is the smallest x for which exp(x) is a normal number.
	cutoff = -0x1.5D589Ep6

	// The minimax polynomial of degree 5 for 2^t on [0, 1], relative, with 1 for
	// its first coefficient, and the same of degree 3 on [-1/16, 1/16]. Their
	// errors are 2^-23.5 and 2^-25.2.
	e1, f1 = 0x1.62e4bap-1, 0x1.62e43p-1
	e2, f2 = 0x1.ebdb6ap-3, 0x1.ec0c6ep-3
	e3, f3 = 0x1.c91c1p-5, 0x1.c6c704p-5
	e4     = 0x1.277c1ep-7
	e5     = 0x1.e969p-10

	// The same of degree 5 on [-1/2, 1/2]; its error is 2^-23.3.
	h1 = 0x1.62e42ap-1
	h2 = 0x1.ebf9c2p-3
	h3 = 0x1.c6b6e2p-5
	h4 = 0x1.3ce8c4p-7
	h5 = 0x1.5bd4aep-10

	// magic8 is 1.5 * 2^20: x + magic8 rounds x to an eighth, which then stands in
	// the low bits.
	magic8 = 0x1.8p20
)

// names are the constants' names in the generated files.
var names = map[float32]string{
	log2e: "log2e", c0: "c0", c1: "c1", c2: "c2", c3: "c3", c4: "c4", c5: "c5",
	magic: "magic", magic16: "magic16", magic8: "magic8", -log2e: "minusLog2e", minExponent: "minExponent", cutoff: "cutoff", minusInf: "minusInf", 0: "zero",
	-0x1.62E430p-1: "minusLn2", 0x1.05C61p-29: "minusLn2Lo",
	-0x1.62E400p-1: "minusLn2HiShort", -0x1.7F7D1Cp-20: "minusLn2LoShort",
}

// Name is what to call a constant in a generated file.
func Name(bits uint32) string {
	if name, ok := names[math.Float32frombits(bits)]; ok {
		return name
	}
	return fmt.Sprintf("f%08x", bits)
}

// minusInf is the exponent of an empty sum.
var minusInf = float32(math.Inf(-1))

// minusLn2 is -ln 2 as the sum of the terms that are subtracted one after the
// other in the range reduction (Cody and Waite), so that n*ln 2 is more exact
// than one float32 is.
func minusLn2(variant string) []float32 {
	switch {
	case strings.HasPrefix(variant, "rr1"):
		return []float32{-0x1.62E430p-1}
	case strings.HasPrefix(variant, "rr2"):
		return []float32{-0x1.62E400p-1, -0x1.7F7D1Cp-20}
	}
	return []float32{-0x1.62E43p-1, 0x1.05C61p-29}
}

// reduce is the rest t = x - n*ln 2 of an argument, in [-ln 2/2, ln 2/2].
func reduce(b *ir.Block, variant string, n, x ir.V) (t ir.V) {
	t = x
	for _, ln2 := range minusLn2(variant) {
		t = b.MulAdd(n, b.Const(ln2), t)
	}
	return t
}

// polynomial is c[0] + t*(c[1] + t*(c[2] + ...)), from the inside out.
func polynomial(b *ir.Block, t ir.V, c ...float32) (p ir.V) {
	last := len(c) - 1
	p = b.Const(c[last])
	for i := last - 1; i >= 0; i-- {
		p = b.MulAdd(p, t, b.Const(c[i]))
	}
	return p
}

// coefficients are those of the variant's polynomial for exp(t), from degree 1.
func coefficients(variant string) []float32 {
	if strings.Contains(variant, "p6") {
		return []float32{1, d2, d3, d4, d5, d6}
	}
	return []float32{c1, c2, c3, c4, c5}
}

// exponent is n = round(x / ln 2), the power of two nearest to exp(x).
func exponent(b *ir.Block, x ir.V) (n ir.V) {
	return b.Round(b.Mul(x, b.Const(log2e)))
}

// mantissa is exp(x) / 2^n, about 0.7 to 1.4.
func mantissa(b *ir.Block, variant string, n, x ir.V) (p ir.V) {
	return polynomial(b, reduce(b, variant, n, x), append([]float32{c0}, coefficients(variant)...)...)
}

// powerOfTwo is 2^n for integers n <= 127, and 0 for n <= -127.
func powerOfTwo(b *ir.Block, n ir.V) ir.V {
	n = b.Max(n, b.Const(minExponent))
	return b.ShiftLeft(b.Add(n, b.Const(magic)), mantissaBits)
}

// scaleFactor is powerOfTwo for integers n <= 0. Near 2^16 a float32 has seven
// fraction bits, so that the biased integer, n + 127, ends seven bits further up:
// the shift is by whole bytes, for which more ports of an x86 are open.
//
// Upstream's arithmetic is powerOfTwo's, and the bits are the same: differences of
// exponents are integers or clamped to -127, and exceed 0 only after a NaN, which
// makes the sum that they scale NaN whatever the factor.
func scaleFactor(b *ir.Block, n ir.V) ir.V {
	n = b.Max(n, b.Const(minExponent))
	return b.ShiftLeft(b.Add(n, b.Const(magic16)), 16)
}

// hasScalef reports whether the variant multiplies by a power of two in one
// instruction, which needs no clamping and makes denormals.
func hasScalef(variant string) bool { return strings.Contains(variant, "scalef") }

// base2 reports whether the variant computes exp(x) as a power of two.
func base2(variant string) bool { return strings.HasPrefix(variant, "exp2_") }

// exp2 is exp(x) for x <= 0 as 2^(x*log2(e)): there is no reduction by ln(2) to pay
// for, and what log2(e) lacks costs 2^-26 |x|, less than the rounding of the
// difference which x is.
func (d *description) exp2(b *ir.Block, x ir.V) ir.V {
	if hasScalef(d.Variant) {
		// VSCALEFPS takes the floor of u by itself. The rounding of u costs another
		// 2^-24 |x|.
		u := b.Mul(x, b.Const(log2e))
		return b.Scalef(polynomial(b, b.Fraction(u), 1, e1, e2, e3, e4, e5), u)
	}
	if !strings.Contains(d.Variant, "lut8") {
		// As expByPolynomial, for 2^-t.
		n := b.MulAdd(x, b.Const(log2e), b.Const(magic))
		s := b.ShiftLeft(n, mantissaBits)
		t := b.MulAdd(x, b.Const(-log2e), b.Sub(n, b.Const(magic)))
		y := b.MulAdd(b.Mul(t, s), polynomial(b, t, -h1, h2, -h3, h4, -h5), s)
		return b.Keep(b.NotLess(x, b.Const(cutoff)), y)
	}
	// n + magic8 = round(8u)/8 + magic8. Its last three bits are the fraction,
	// those above them the integer part, which n << 20 moves to where the exponent
	// is, with the fraction below it. The table makes up for that.
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic8))
	s := b.AddInt(b.Exp2J8(n), b.ShiftLeft(n, mantissaBits-3))
	t := b.MulAdd(x, b.Const(-log2e), b.Sub(n, b.Const(magic8))) // n - u
	y := b.Mul(polynomial(b, t, 1, -f1, f2, -f3), s)
	return b.Keep(b.NotLess(x, b.Const(cutoff)), y)
}

// expMinusMax is exp(x - max).
func (d *description) expMinusMax(b *ir.Block, x ir.V) ir.V {
	return d.exp(b, b.Sub(x, b.Param("max")))
}

// exp is exp(x) for x <= 0.
func (d *description) exp(b *ir.Block, x ir.V) (f ir.V) {
	if base2(d.Variant) {
		return d.exp2(b, x)
	}
	if hasScalef(d.Variant) {
		n := exponent(b, x)
		return b.Scalef(mantissa(b, d.Variant, n, x), n)
	}
	// s = 2^n is no power of two where exp(x) is denormal.
	var normal ir.V
	compare := func() { normal = b.NotLess(x, b.Const(cutoff)) }
	if d.neon() {
		compare() // so that the range reduction, whose FMLA overwrites x, is its last use
	}
	if hasTable(d.Variant) {
		f = expByTable(b, d.Variant, x)
	} else {
		f = expByPolynomial(b, d.Variant, x)
	}
	if !d.neon() {
		compare()
	}
	return b.Keep(normal, f)
}

// expByPolynomial is exp(x) where it is normal.
func expByPolynomial(b *ir.Block, variant string, x ir.V) ir.V {
	// n + magic = round(x/ln 2) + magic, of which the low bits make s = 2^n.
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic))
	s := b.ShiftLeft(n, mantissaBits)
	n = b.Sub(n, b.Const(magic))
	t := reduce(b, variant, n, x)
	// exp(x) = s * (1 + t*p) = s + (t*s)*p
	p := polynomial(b, t, coefficients(variant)...)
	return b.MulAdd(b.Mul(t, s), p, s)
}

// hasTable reports whether the variant has a table of 2^(k/64).
func hasTable(variant string) bool { return strings.Contains(variant, "lut64") }

// expByTable is exp(x) where it is normal, with n = x/ln 2 rounded to a 64th: the
// fraction of s = 2^n is taken from a table.
func expByTable(b *ir.Block, variant string, x ir.V) ir.V {
	const (
		magic = 0x1.8p17 // 1.5 * 2^23 / 64
		c2    = 0x1.FFFF0Ap-2
	)
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic))
	// The last 6 bits of n are its fraction k/64, those above them its integer
	// part, which n << 17 moves to where the exponent is, with k below it. The
	// table makes up for that k.
	s := b.AddInt(b.Exp2K64(b.And(n, b.Bits(0x3f))), b.ShiftLeft(n, mantissaBits-6))
	n = b.Sub(n, b.Const(magic))
	t := reduce(b, variant, n, x)
	// exp(x) = s * (1 + t + t*(t*c2)) = s + s*p
	p := b.MulAdd(t, b.Mul(t, b.Const(c2)), t)
	return b.MulAdd(s, p, s)
}
