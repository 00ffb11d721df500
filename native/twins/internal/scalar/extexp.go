package scalar

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
)

const maxTile = 8

// mulAdd returns x*y + z, rounded once if fused is set and otherwise twice.
func mulAdd(fused bool, x, y, z float32) float32 {
	if fused {
		return f32.FMA(x, y, z)
	}
	return float32(x*y) + z
}

// extExp returns exp(x) as p * 2^n, with p near [sqrt(1/2), sqrt(2)] and n an
// integer (Algorithm 3 of the paper; upstream's
// xnn_f32_raddextexp_ukernel__avx2_p5 kernels). Neither overflows for finite x.
func extExp(fused bool, x float32) (p, n float32) {
	// n = round(x / log(2)), t = x - n*log(2).
	n = float32(math.RoundToEven(float64(float32(x * log2e))))
	var t float32
	if fused {
		// -log(2) in two parts: rounded, and what is missing.
		const minusLn2Hi, minusLn2Lo = -0x1.62E43p-1, 0x1.05C61p-29
		t = f32.FMA(n, minusLn2Hi, x)
		t = f32.FMA(n, minusLn2Lo, t)
	} else {
		// Parts whose products with n are exact without a fused multiply-add would
		// be so only for small n; in float64 there is room for all of it.
		t = float32(float64(x) - float64(float64(n)*math.Ln2))
	}

	p = mulAdd(fused, c5, t, c4)
	p = mulAdd(fused, p, t, c3)
	p = mulAdd(fused, p, t, c2)
	p = mulAdd(fused, p, t, c1)
	return mulAdd(fused, p, t, 1), n
}

// maxps returns the larger of a and b as x86's MAXPS does: b if either is a NaN
// or both are zeros.
func maxps(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

// exp2 returns 2^e for an integer e, and 0 for e <= -127 and for NaN. Beyond 127
// it is meaningless.
func exp2(e float32) float32 {
	return math.Float32frombits(math.Float32bits(maxps(e, -127)+magicBias) << 23)
}

// raddextexp returns a kernel for the sum of exp(x) as mantissa * 2^exponent.
func (t tiling) raddextexp(fused bool) func(src []float32) (mantissa, exponent float32) {
	return func(src []float32) (mantissa, exponent float32) {
		minusInf := float32(math.Inf(-1))
		// The sum in each accumulator k is v[k] * 2^e[k].
		var v, e [maxTile]float32
		for k := range t.accs {
			e[k] = minusInf
		}
		n := t.main(len(src))
		for i := 0; i < n; i += t.tile {
			t.addTile(fused, &v, &e, src[i:i+t.tile])
		}

		// Merge the accumulators at the largest of their exponents.
		top := e
		for step := 1; step < t.accs; step *= 2 {
			for k := 0; k+step < t.accs; k += 2 * step {
				top[k] = maxps(top[k], top[k+step])
			}
		}
		if t.accs > 1 {
			v[0] = float32(v[0] * exp2(e[0]-top[0]))
			for k := 1; k < t.accs; k++ {
				v[0] = mulAdd(fused, v[k], exp2(e[k]-top[0]), v[0])
			}
			e[0] = top[0]
		}

		one := tiling{1, 1}
		for i := n; i < len(src); i++ {
			one.addTile(fused, &v, &e, src[i:i+1])
		}
		return v[0], e[0]
	}
}

// addTile adds exp(x) of one tile to the accumulators, element i to the
// accumulator i % accs: each accumulator and its elements are scaled to the
// largest exponent among them, and summed.
func (t tiling) addTile(fused bool, v, e *[maxTile]float32, src []float32) {
	var p, n [maxTile]float32
	top := *e
	k := 0
	for i, x := range src {
		p[i], n[i] = extExp(fused, x)
		top[k] = maxps(top[k], n[i])
		if k++; k == t.accs {
			k = 0
		}
	}
	for k := range t.accs {
		v[k] = float32(v[k] * exp2(e[k]-top[k]))
		for i := k; i < len(src); i += t.accs {
			v[k] = mulAdd(fused, p[i], exp2(n[i]-top[k]), v[k])
		}
		e[k] = top[k]
	}
}

// vscaleextexp writes exp(x) * mantissa * 2^exponent (upstream's
// xnn_f32_vscaleextexp_ukernel__avx2_p5 kernels, in one lane). The tile is not
// visible in the result.
func vscaleextexp(dst, src []float32, mantissa, exponent float32, fused bool) {
	dst = dst[:len(src)]
	for i, x := range src {
		p, n := extExp(fused, x)
		dst[i] = float32(p*mantissa) * exp2(n+exponent)
	}
}
