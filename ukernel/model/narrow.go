package model

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Kernels of binary16 numbers and of bytes. A vector holds the float32 numbers equal
// to theirs.

// maxBits is the larger of two numbers, ordered by sign and magnitude of their bits:
// -0 is below +0, and NaNs are beyond the infinities of their sign. The scalar kernels
// of f16_rmax compare integers.
func maxBits(x, y float32) float32 {
	order := func(x float32) int32 {
		b := int32(math.Float32bits(x))
		return b ^ int32(uint32(b>>31)>>1)
	}
	if order(y) > order(x) {
		return y
	}
	return x
}

func addHalf(x, y float32) float32 { return roundHalf(x + y) } // 24 bits are enough not to round twice
func subHalf(x, y float32) float32 { return roundHalf(x - y) }
func mulHalf(x, y float32) float32 { return roundHalf(x * y) } // the product is exact

// fmaHalf is x*y + z, rounded once: the float64 sum is exact, or so far from the middle
// between two binary16 numbers that its own rounding does not matter.
func fmaHalf(x, y, z float32) float32 {
	return roundHalf64(float64(x)*float64(y) + float64(z))
}

// shift10 is shift23 for binary16: of the bits of n + 15 in x, it makes 2^n.
func shift10(x float32) float32 { return f32.FromHalf(f32.ToHalf(x) << 10) }

// f16RMaxF16C is upstream's f16-rmax-f16c: four accumulators, and what is left of a
// vector by four elements, two and one.
func (m *machine) f16RMaxF16C() float32 {
	m.kernel.Accumulators = 4
	acc := m.accumulators(m.firstMax())
	merge := func(x, y vector) vector { return m.max("vmax_lo", x, y) }
	lower := func() { acc[0] = merge(acc[0][:4], acc[0][4:]) }
	m.walk(
		func(i int, v vector) { acc[i] = m.max(numbered("vmax", i), acc[i], v) },
		func() { acc[0] = m.tree("vmax", acc, m.max) },
		func(v vector) { acc[0] = m.max("vmax", acc[0], v) },
		func(n int, v vector) {
			at := m.first
			m.first = noElement
			lower()
			m.first = at
			acc[0] = m.parts(n, v, acc[0], merge)
		})
	if len(acc[0]) > 4 {
		lower()
	}
	return halve(acc[0], merge)
}

// parts merges n elements, of a vector of eight, into the four lanes of acc: four of
// them, two into the lower lanes, one into the lowest.
func (m *machine) parts(n int, v, acc vector, merge func(x, y vector) vector) vector {
	for _, part := range []int{4, 2, 1} {
		if n&part == 0 {
			continue
		}
		acc = blend(part, merge(acc[:part], v[:part]), acc)
		v = v[part:]
		m.first += part
	}
	return acc
}

// f16RAddStoreExpMinusMax is upstream's f16-raddstoreexpminusmax templates. With AVX2
// only loads, stores and the sum are binary16, with NEON everything is.
func (m *machine) f16RAddStoreExpMinusMax(args ukernel.Args) float32 {
	max := m.splat(roundHalf(args.Max))
	acc := m.accumulators(0)
	exp := func(v vector) vector {
		at := m.first
		f := m.f16Exp(m.sub("vx", v, max))
		copy(args.Dst[at:], m.map1("vh", "narrow", roundHalf, f))
		return f
	}
	merge := func(x, y vector) vector { return m.add("vacc_lo", x, y) }
	lower := func() { acc[0] = merge(acc[0][:4], acc[0][4:]) }
	m.walk(
		func(i int, v vector) { acc[i] = m.add(numbered("vacc", i), acc[i], exp(v)) },
		func() { acc[0] = m.tree("vacc", acc, m.add) },
		func(v vector) { acc[0] = m.add("vacc", acc[0], exp(v)) },
		func(n int, v vector) {
			f := exp(v)
			at := m.first
			m.first = noElement
			lower()
			m.first = at
			if m.style != pairwise {
				acc[0] = m.parts(n, f, acc[0], merge)
				return
			}
			// The last two elements go to the upper lanes, and the last one to the uppermost.
			for _, part := range []int{4, 2, 1} {
				if n&part == 0 {
					continue
				}
				sum := merge(acc[0][4-part:], f[:part])
				acc[0] = append(acc[0][:4-part:4-part], sum...)
				f = f[part:]
				m.first += part
			}
		})
	if len(acc[0]) > 4 {
		lower()
	}
	sum := m.sum("vacc_lo", acc[0])
	return m.map1("vsum", "narrow", roundHalf, vector{sum})[0]
}

// f16Exp is exp(x) for x <= 0, to the precision of binary16.
func (m *machine) f16Exp(x vector) vector {
	if !m.half {
		n := m.fma("vn", x, m.splat(log2e), m.splat(magic127))
		s := m.shift23("vs", n)
		n = m.sub("vn", n, m.splat(magic127))
		t := m.fma("vt", n, m.splat(-0x1.62E43p-1), x)
		p := m.fma("vp", m.splat(halfC2), t, m.splat(halfC1))
		f := m.fma("vf", m.mul("vt", t, s), p, s)
		return m.map2("vf", "zeroBelow", func(x, f float32) float32 { return zeroBelow(x, halfCutoff, f) }, x, f)
	}
	n := m.fma("vn", x, m.splat(halfLog2e), m.splat(halfMagic))
	s := m.map1("vs", "shift10", shift10, n)
	n = m.sub("vn", n, m.splat(halfMagic))
	t := m.fma("vt", n, m.splat(halfMinusLn2[0]), x)
	t = m.fma("vt", n, m.splat(halfMinusLn2[1]), t)
	p := m.fma("vp", m.splat(halfShortC2), t, m.splat(halfShortC1))
	f := m.fma("vf", p, m.mul("vt", t, s), s)
	return m.map2("vf", "zeroBelow", func(x, f float32) float32 { return zeroBelow(x, halfCutoff, f) }, x, f)
}

// The constants of f16_raddstoreexpminusmax: those of AVX2, and as binary16 numbers
// those of NEON.
const (
	halfC2     = 0x1.FF3A32p-2
	halfC1     = 0x1.039E10p+0
	halfCutoff = -0x1.368p+3

	halfLog2e   = 0x1.714p+0
	halfMagic   = 0x1.83Cp+10
	halfShortC2 = 0x1.FE4p-2
	halfShortC1 = 0x1.038p+0
)

var halfMinusLn2 = [2]float32{-0x1.630p-1, 0x1.BD0p-13}

// f16VMulC is upstream's f16-vbinary templates for vmulc, which all round the product
// once, also where they compute it in float32.
func (m *machine) f16VMulC(a ukernel.Args) {
	c := m.splat(roundHalf(a.Scale))
	m.each(a.Dst, func(v vector) vector { return m.map2("vy", "mul", mulHalf, v, c) })
}

// u8LUT32Norm is upstream's u8-lut32norm.
func (m *machine) u8LUT32Norm(a ukernel.Args) {
	var sum uint32
	for _, x := range a.Src8 {
		sum += a.Table[x]
	}
	m.each(a.Dst, func(v vector) vector {
		return m.map1("vy", "norm", func(x float32) float32 {
			return float32(min(255, (a.Table[uint8(x)]<<8+sum>>1)/sum))
		}, v)
	})
}

// narrowed writes the numbers of a.Dst to where the family has them.
func narrowed(f ukernel.Family, a ukernel.Args) {
	for i, x := range a.Dst {
		if f.Half() {
			a.Dst16[i] = f32.ToHalf(x)
		} else {
			a.Dst8[i] = uint8(x)
		}
	}
}
