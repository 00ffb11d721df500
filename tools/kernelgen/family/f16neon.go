package family

import (
	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// const16 is a number in every lane, of which a register has twice as many as IR's
// constants have bits for.
func const16(b *ir.Block, x float32) ir.V { return b.Bits(uint32(f32.ToHalf(x)) * 0x10001) }

// f16expNEON is exp(x) for x <= 0 in binary16, with a range reduction by two terms. The
// constants are upstream's.
func f16expNEON(b *ir.Block, x ir.V) ir.V {
	const (
		magic = 0x1.83Cp+10 // 1.5 * 2^10 + 15, of binary16
		bits  = 10          // of its mantissa
	)
	// First, so that the range reduction, whose FMLA overwrites x, is its last use.
	normal := b.NotLess(x, const16(b, halfCutoff))
	n := b.MulAdd(x, const16(b, 0x1.714p+0), const16(b, magic))
	s := b.ShiftLeft(n, bits)
	n = b.Sub(n, const16(b, magic))
	t := b.MulAdd(n, const16(b, -0x1.630p-1), x)
	t = b.MulAdd(n, const16(b, 0x1.BD0p-13), t)
	p := b.MulAdd(const16(b, 0x1.FE4p-2), t, const16(b, 0x1.038p+0))
	return b.Keep(normal, b.MulAdd(p, b.Mul(t, s), s))
}
