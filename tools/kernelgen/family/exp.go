package family

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
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

	// magic is 1.5 * 2^23 + 127. A float32 in [2^23, 2^24) has no fraction bits,
	// so that x + magic rounds x to an integer; and that integer, biased as a
	// float's exponent is, stands in the low bits, from where a shift by
	// mantissaBits moves it into the exponent: 2^x.
	magic        = 0x1.8000FEp23
	mantissaBits = 23

	// The same for a multiple of 1/64, 1.5 * 2^23 / 64; and the polynomial of degree
	// 2 for exp(t) - 1 - t on [-ln 2/128, ln 2/128].
	magic64 = 0x1.8p17
	tableC2 = 0x1.FFFF0Ap-2
	// fraction64 are the bits of the fraction.
	fraction64 = 0x3f

	// magic16 is 1.5 * 2^16 + 127, see scaleFactor.
	magic16 = 0x1.807Fp16

	// minExponent is where 2^e becomes zero under (e + magic) << mantissaBits.
	minExponent = -127
	// cutoff is the smallest x for which exp(x) is a normal number.
	cutoff = -0x1.5D589Ep6
)

// names are the constants' names in the generated files.
var names = map[float32]string{
	log2e: "log2e", c0: "c0", c1: "c1", c2: "c2", c3: "c3", c4: "c4", c5: "c5",
	magic: "magic", magic16: "magic16", minExponent: "minExponent", cutoff: "cutoff", minusInf: "minusInf", 0: "zero",
	-0x1.62E430p-1: "minusLn2", 0x1.05C61p-29: "minusLn2Lo",
	-0x1.62E400p-1: "minusLn2HiShort", -0x1.7F7D1Cp-20: "minusLn2LoShort", magic64: "magic64", tableC2: "tableC2",
	halfC1: "halfC1", halfC2: "halfC2", halfCutoff: "halfCutoff",
}

// Name is what to call a constant in a generated file.
func Name(bits uint32) string {
	if bits == fraction64 {
		return "fraction64"
	}
	if name, ok := names[math.Float32frombits(bits)]; ok {
		return name
	}
	if name, ok := names16[bits]; ok {
		return name
	}
	panic(fmt.Sprintf("family: the constant %#08x has no name", bits))
}

// minusInf is the exponent of an empty sum.
var minusInf = float32(math.Inf(-1))

// minusLn2 is -ln 2 as the sum of the terms that are subtracted one after the
// other in the range reduction (Cody and Waite), so that n*ln 2 is more exact
// than one float32 is.
func minusLn2(e ukernel.Exponential) []float32 {
	switch e.Terms {
	case 1:
		return []float32{-0x1.62E430p-1}
	case 2:
		return []float32{-0x1.62E400p-1, -0x1.7F7D1Cp-20}
	}
	return []float32{-0x1.62E43p-1, 0x1.05C61p-29}
}

// reduce is the rest t = x - n*ln 2 of an argument, in [-ln 2/2, ln 2/2].
func reduce(b *ir.Block, e ukernel.Exponential, n, x ir.V) (t ir.V) {
	t = x
	b.Note("t = x - n*ln 2")
	for _, ln2 := range minusLn2(e) {
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

// exponent is n = round(x / ln 2), the power of two nearest to exp(x).
func exponent(b *ir.Block, x ir.V) (n ir.V) {
	b.Note("n = round(x * log2e)")
	return b.Round(b.Mul(x, b.Const(log2e)))
}

// mantissa is exp(x) / 2^n, about 0.7 to 1.4.
func mantissa(b *ir.Block, e ukernel.Exponential, n, x ir.V) (p ir.V) {
	t := reduce(b, e, n, x)
	b.Note("p = c0 + t*(c1 + t*(c2 + t*(c3 + t*(c4 + t*c5))))")
	return polynomial(b, t, c0, c1, c2, c3, c4, c5)
}

// powerOfTwo is 2^n for integers n <= 127, and 0 for n <= -127.
func powerOfTwo(b *ir.Block, n ir.V) ir.V {
	b.Note("2^n")
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
	b.Note("2^n")
	n = b.Max(n, b.Const(minExponent))
	return b.ShiftLeft(b.Add(n, b.Const(magic16)), 16)
}

// expMinusMax is exp(x - max).
func (d *description) expMinusMax(b *ir.Block, x ir.V) (f ir.V) {
	x = b.Sub(x, b.Param("max"))
	if d.Exp.Scalef { // needs no clamping, and makes denormals
		n := exponent(b, x)
		return b.Scalef(mantissa(b, d.Exp, n, x), n)
	}
	// s = 2^n is no power of two where exp(x) is denormal.
	var normal ir.V
	compare := func() { normal = b.NotLess(x, b.Const(cutoff)) }
	if d.neon() {
		compare() // so that the range reduction, whose FMLA overwrites x, is its last use
	}
	if d.Exp.Table {
		f = expByTable(b, d.Exp, x)
	} else {
		f = expByPolynomial(b, d.Exp, x)
	}
	if !d.neon() {
		compare()
	}
	return b.Keep(normal, f)
}

// expByPolynomial is exp(x) where it is normal.
func expByPolynomial(b *ir.Block, e ukernel.Exponential, x ir.V) ir.V {
	// The low bits of n + magic make s.
	b.Note("n = round(x * log2e), s = 2^n")
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic))
	s := b.ShiftLeft(n, mantissaBits)
	n = b.Sub(n, b.Const(magic))
	t := reduce(b, e, n, x)
	b.Note("exp(x) = s + (t*s) * (c1 + t*(c2 + t*(c3 + t*(c4 + t*c5))))")
	p := polynomial(b, t, c1, c2, c3, c4, c5)
	return b.MulAdd(b.Mul(t, s), p, s)
}

// expByTable is exp(x) where it is normal, with n = x/ln 2 rounded to a 64th: the
// fraction of s = 2^n is taken from a table.
func expByTable(b *ir.Block, e ukernel.Exponential, x ir.V) ir.V {
	b.Note("n = x * log2e, rounded to a 64th, s = 2^n")
	n := b.MulAdd(x, b.Const(log2e), b.Const(magic64))
	// The last 6 bits of n are its fraction k/64, those above them its integer
	// part, which n << 17 moves to where the exponent is, with k below it. The
	// table makes up for that k.
	s := b.AddInt(b.Exp2K64(b.And(n, b.Bits(fraction64))), b.ShiftLeft(n, mantissaBits-6))
	n = b.Sub(n, b.Const(magic64))
	t := reduce(b, e, n, x)
	b.Note("exp(x) = s + s * (t + t*(t*tableC2))")
	p := b.MulAdd(t, b.Mul(t, b.Const(tableC2)), t)
	return b.MulAdd(s, p, s)
}
