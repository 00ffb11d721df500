package family

import (
	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// The constants of f16expNEON, upstream's.
const (
	half16Log2e      = 0x1.714p+0
	half16Magic      = 0x1.83Cp+10 // 1.5 * 2^10 + 15, of binary16
	half16MinusLn2   = -0x1.630p-1
	half16MinusLn2Lo = 0x1.BD0p-13
	half16C1         = 0x1.038p+0
	half16C2         = 0x1.FE4p-2
)

// names16 are the names of their bits, see bits16.
var names16 = map[uint32]string{
	bits16(half16Log2e): "half16Log2e", bits16(half16Magic): "half16Magic", bits16(half16MinusLn2): "half16MinusLn2", bits16(half16MinusLn2Lo): "half16MinusLn2Lo",
	bits16(half16C1): "half16C1", bits16(half16C2): "half16C2", bits16(halfCutoff): "half16Cutoff",
}

// bits16 are those of a number in binary16, twice: IR's constants have 32 bits.
func bits16(x float32) uint32 { return uint32(f32.ToHalf(x)) * 0x10001 }

// const16 is a number of binary16 in every lane.
func const16(b *ir.Block, x float32) ir.V { return b.Bits(bits16(x)) }

// f16expNEON is exp(x) for x <= 0 in binary16, with a range reduction by two terms.
func f16expNEON(b *ir.Block, x ir.V) ir.V {
	const bits = 10 // of the mantissa
	// First, so that the range reduction, whose FMLA overwrites x, is its last use.
	normal := b.NotLess(x, const16(b, halfCutoff))
	b.Note("n = round(x * log2e), s = 2^n")
	n := b.MulAdd(x, const16(b, half16Log2e), const16(b, half16Magic))
	s := b.ShiftLeft(n, bits)
	n = b.Sub(n, const16(b, half16Magic))
	b.Note("t = x - n*ln 2")
	t := b.MulAdd(n, const16(b, half16MinusLn2), x)
	t = b.MulAdd(n, const16(b, half16MinusLn2Lo), t)
	b.Note("exp(x) = s + (t*s) * (half16C1 + t*half16C2)")
	p := b.MulAdd(const16(b, half16C2), t, const16(b, half16C1))
	return b.Keep(normal, b.MulAdd(p, b.Mul(t, s), s))
}
