package arith

import "math"

// Preparation is what becomes of the elements of rows before their exponentials: fma(x, Mul, add),
// or x * Mul without an add; and -Inf where keep is false. Where finite numbers make an
// infinity, it is the largest finite number of that sign. A stride of 0 is for one row that
// serves all.
type Preparation struct {
	Mul        float32
	Add        []float32
	AddStride  int
	Keep       []bool
	KeepAt     int // where the first row begins
	KeepStride int
}

// most is the largest size of what finite elements make.
func (p *Preparation) most() float32 {
	if p.Mul-p.Mul != 0 {
		return float32(math.Inf(1))
	}
	return math.MaxFloat32
}

// Prepare does one row. Dst may be src.
func (l Level) Prepare(dst, src []float32, mul float32, add []float32, keep []bool) {
	l.PrepareRows(dst, src, 1, len(src), 0, 0, &Preparation{Mul: mul, Add: add, Keep: keep})
}

// WidenF16 converts IEEE 754 binary16.
func (l Level) WidenF16(dst []float32, src []uint16) { l.WidenF16Rows(dst, src, 1, len(src), 0, 0) }

// NarrowF16 rounds to IEEE 754 binary16. Every NaN becomes 0x7e00.
func (l Level) NarrowF16(dst []uint16, src []float32) { l.NarrowF16Rows(dst, src, 1, len(src), 0, 0) }

// WidenBF16 converts bfloat16.
func (l Level) WidenBF16(dst []float32, src []uint16) { l.WidenBF16Rows(dst, src, 1, len(src), 0, 0) }

// NarrowBF16 rounds to bfloat16. Every NaN becomes 0x7fc0.
func (l Level) NarrowBF16(dst []uint16, src []float32) { l.NarrowBF16Rows(dst, src, 1, len(src), 0, 0) }

// each calls f for each of rows.
func each[D, S any](dst []D, src []S, rows, cols, dstStride, srcStride int, f func(dst []D, src []S)) {
	for i := range rows {
		f(dst[i*dstStride:][:cols], src[i*srcStride:][:cols])
	}
}

func prepareRowsPlain(dst, src []float32, rows, cols, dstStride, srcStride int, p *Preparation) {
	for i := range rows {
		var add []float32
		if p.Add != nil {
			add = p.Add[i*p.AddStride:][:cols]
		}
		var keep []bool
		if p.Keep != nil {
			keep = p.Keep[p.KeepAt+i*p.KeepStride:][:cols]
		}
		preparePlain(dst[i*dstStride:][:cols], src[i*srcStride:][:cols], p.Mul, add, keep)
	}
}

func preparePlain(dst, src []float32, mul float32, add []float32, keep []bool) {
	switch {
	case add != nil:
		for i, x := range src {
			a := add[i]
			z := fma(x, mul, a)
			if z-z != 0 && x-x == 0 && a-a == 0 && mul-mul == 0 {
				z = saturate(z)
			}
			dst[i] = z
		}
	case mul != 1:
		for i, x := range src {
			z := float32(x * mul)
			if z-z != 0 && x-x == 0 && mul-mul == 0 {
				z = saturate(z)
			}
			dst[i] = z
		}
	default:
		copy(dst, src)
	}
	if keep != nil {
		for i, k := range keep[:len(dst)] {
			if !k {
				dst[i] = negInf
			}
		}
	}
}

func saturate(z float32) float32 {
	const most = 0x1.fffffep127
	return max(-most, min(most, z))
}

func widenF16Plain(dst []float32, src []uint16) {
	for i, h := range src {
		sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
		switch {
		case rest >= 0x1f<<23: // infinities and NaNs
			rest |= 0xff << 23
		case rest >= 1<<23:
			rest += (127 - 15) << 23
		default: // zeros and denormals are multiples of 2^-24
			rest = math.Float32bits(float32(h&0x7fff) * 0x1p-24)
		}
		dst[i] = math.Float32frombits(sign | rest)
	}
}

func narrowF16Plain(dst []uint16, src []float32) {
	for i, x := range src {
		bits := math.Float32bits(x)
		sign, abs := uint16(bits>>16&0x8000), bits&0x7fffffff
		switch {
		case abs > 0xff<<23: // NaN
			dst[i] = 0x7e00
		case abs >= 0x477ff000: // from 65520 on
			dst[i] = sign | 0x7c00
		case abs < (127-14)<<23: // to a multiple of 2^-24, the last bit of numbers from 0.5 to 1
			dst[i] = sign | uint16(math.Float32bits(math.Float32frombits(abs)+0.5)-math.Float32bits(0.5))
		default:
			abs += 0xfff + abs>>13&1 // half of the last bit that stays, less if that is even
			dst[i] = sign | uint16((abs-(127-15)<<23)>>13)
		}
	}
}

func widenBF16Plain(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = math.Float32frombits(uint32(h) << 16)
	}
}

func narrowBF16Plain(dst []uint16, src []float32) {
	for i, x := range src {
		bits := math.Float32bits(x)
		if x != x {
			bits = 0x7fc00000
		}
		dst[i] = uint16((bits + 0x7fff + bits>>16&1) >> 16)
	}
}
