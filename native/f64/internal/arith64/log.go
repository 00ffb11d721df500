package arith64

import "math"

const (
	ln2Hi = 0x1.62e42fefa3800p-1 // so short that a product with an exponent is exact
	ln2Lo = 0x1.ef35793c76730p-45
	// ln2 and ln2Rest are ln(2) rounded and what that lacks.
	ln2     = 0x1.62e42fefa39efp-1
	ln2Rest = 0x1.abc9e3b39803fp-56
)

// Excess is log(total) + n*ln(2) - scale*m in two float64, for a total of two.
func Excess(n, hi, lo, m, scale float64) (h, l float64) {
	hi, lo = fastTwoSum(hi, lo)
	a := float64(n * ln2)
	aRest := math.FMA(n, ln2, -a) + float64(n*ln2Rest)
	b := float64(m * scale)
	bRest := math.FMA(m, scale, -b)
	d, dRest := TwoSum(a, -b)
	h, l = log(hi, lo)
	h, z := TwoSum(h, d)
	return fastTwoSum(h, z+(l+(dRest+(aRest-bRest))))
}

// log is the natural logarithm of a positive normal number in two, to 2^-58.
func log(hi, lo float64) (h, l float64) {
	b := math.Float64bits(hi)
	k := float64(int(b>>52) - 1023)
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m *= 0.5
		k++
	}
	lo = float64(lo * Pow2(-k))
	// log(m) is 2*atanh(s) for s = (m-1) / (m+1).
	num, den := m-1, m+1
	denRest := (m - (den - 1)) + lo
	s := num / den
	sRest := (math.FMA(-s, den, num) + (lo - float64(s*denRest))) / den
	h, z := TwoSum(float64(k*ln2Hi), 2*s)
	return h, z + (float64(k*ln2Lo) + (2*sRest + cubed(s)))
}

// Log1p is log(1 + x) for x from 0 to 1/2.
func Log1p(x float64) float64 {
	s := x / (2 + x)
	return 2*s + cubed(s)
}

// cubed is 2*atanh(s) - 2*s for s up to 0.2: Taylor's series, whose next term is below 2^-60 of s.
func cubed(s float64) float64 {
	z := float64(s * s)
	p := 2.0 / 25
	p = math.FMA(p, z, 2.0/23)
	p = math.FMA(p, z, 2.0/21)
	p = math.FMA(p, z, 2.0/19)
	p = math.FMA(p, z, 2.0/17)
	p = math.FMA(p, z, 2.0/15)
	p = math.FMA(p, z, 2.0/13)
	p = math.FMA(p, z, 2.0/11)
	p = math.FMA(p, z, 2.0/9)
	p = math.FMA(p, z, 2.0/7)
	p = math.FMA(p, z, 2.0/5)
	p = math.FMA(p, z, 2.0/3)
	return float64(float64(s*z) * p)
}

// MulAdd is m*scale + (h + l), rounded once but for what is far below.
func MulAdd(m, scale, h, l float64) float64 {
	p := float64(m * scale)
	if math.IsInf(p, 0) {
		return p
	}
	s, z := TwoSum(p, h)
	return s + (z + (l + math.FMA(m, scale, -p)))
}
