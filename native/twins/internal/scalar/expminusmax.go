package scalar

import (
	"math"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// Constants of exp(x), as upstream's kernels have them.
const (
	log2e = 0x1.715476p+0 // 1/log(2)

	// Added to |x| < 2^22, it rounds x to an integer, to nearest even, and leaves
	// that integer, biased as a float32's exponent is, in the low bits.
	magicBias = 0x1.8000FEp23

	// exp(t) for |t| <= log(2)/2 is about 1 + t*(c1 + t*(c2 + t*(c3 + t*(c4 + t*c5)))).
	c1 = 0x1.FFFFF6p-1
	c2 = 0x1.FFFDC6p-2
	c3 = 0x1.555A80p-3
	c4 = 0x1.573A1Ap-5
	c5 = 0x1.0F9F9Cp-7

	// Below it, exp(x) is denormal, and stored as 0.
	denormCutoff = -0x1.5D589Ep6
)

// raddstoreexpminusmax returns a kernel that writes exp(x - max) and returns the
// sum of it, given the function that writes. It alternates between the two, so
// that what it sums is still in the first-level cache.
func (t tiling) raddstoreexpminusmax(store func(dst, src []float32, max float32)) func(dst, src []float32, max float32) float32 {
	return func(dst, src []float32, max float32) float32 {
		const block = 1024 // a multiple of every number of accumulators
		var acc [4]float32
		n := t.main(len(src))
		for i := 0; i < n; i += block {
			end := min(i+block, n)
			store(dst[i:end], src[i:end], max)
			switch t.accs {
			case 1:
				acc[0] = add1(acc[0], dst[i:end])
			case 2:
				acc[0], acc[1] = add2(acc[0], acc[1], dst[i:end])
			case 4:
				acc = add4(acc, dst[i:end])
			}
		}
		// Adding the +0 of an accumulator that is not in use changes nothing: a sum
		// that starts with +0 never is -0.
		sum := (acc[0] + acc[1]) + (acc[2] + acc[3])
		store(dst[n:], src[n:], max)
		return add1(sum, dst[n:])
	}
}

func add1(a float32, src []float32) float32 {
	for _, x := range src {
		a += x
	}
	return a
}

func add2(a, b float32, src []float32) (float32, float32) {
	for ; len(src) >= 2; src = src[2:] {
		a += src[0]
		b += src[1]
	}
	return a, b
}

func add4(acc [4]float32, src []float32) [4]float32 {
	a, b, c, d := acc[0], acc[1], acc[2], acc[3]
	for ; len(src) >= 4; src = src[4:] {
		a += src[0]
		b += src[1]
		c += src[2]
		d += src[3]
	}
	return [4]float32{a, b, c, d}
}

// expMinusMaxP5 writes exp(x - max), by a polynomial of degree 5 (upstream's
// xnn_f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5 kernels).
func expMinusMaxP5(dst, src []float32, max float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		x -= max
		t, s := reduce(x)
		p := float32(c5*t) + c4
		p = float32(p*t) + c3
		p = float32(p*t) + c2
		p = float32(p*t) + c1
		dst[i] = reconstruct(x, t, s, p)
	}
}

// reduce returns t = x - n*log(2) and s = 2^n for n = round(x / log(2)).
func reduce(x float32) (t, s float32) {
	// -log(2) in two parts, the first with so few bits that n times it is exact.
	const minusLn2Hi, minusLn2Lo = -0x1.62E400p-1, -0x1.7F7D1Cp-20

	n := float32(x*log2e) + magicBias
	s = math.Float32frombits(math.Float32bits(n) << 23)
	n -= magicBias
	t = float32(n*minusLn2Hi) + x
	return float32(n*minusLn2Lo) + t, s
}

// reconstruct returns exp(x) = s * (1 + t*p) = s + (t*s)*p, and 0 instead of a
// denormal number.
func reconstruct(x, t, s, p float32) float32 {
	if x < denormCutoff {
		return 0
	}
	return float32(float32(t*s)*p) + s
}

// expMinusMaxLUT64 writes exp(x - max), by a table of 64 powers of two and a
// polynomial of degree 2 (upstream's
// xnn_f32_raddstoreexpminusmax_ukernel__scalar_rr2_lut64_p2 kernels).
func expMinusMaxLUT64(dst, src []float32, max float32) {
	const (
		minusLn2Hi, minusLn2Lo = -0x1.630000p-1, 0x1.BD0106p-13

		magicBias = 0x1.8p17 // rounds to a multiple of 1/64
		c2        = 0x1.FFFF0Ap-2
	)
	dst = dst[:len(src)]
	for i, x := range src {
		x -= max
		// n = round(x / log(2) * 64) / 64, s = 2^n: the integer part of n added to the
		// exponent of 2 to the fractional part.
		n := float32(x*log2e) + magicBias
		b := math.Float32bits(n)
		s := math.Float32frombits(f32.Exp2K64[b&0x3f] + (b&^0x3f)<<17)
		n -= magicBias
		t := float32(n*minusLn2Hi) + x
		t = float32(n*minusLn2Lo) + t

		// exp(x) = s * (1 + t + t*(t*c2)) = s + s*p
		p := t * c2
		p = float32(p*t) + t
		f := float32(p*s) + s
		if x < denormCutoff {
			f = 0
		}
		dst[i] = f
	}
}
