package arith

import "math"

//go:generate go run logtable.go

const (
	ln2Hi = 0x1.62e42fefa3800p-1 // so short that a product with an exponent is exact
	ln2Lo = 0x1.ef35793c76730p-45
	// logK is log(K), K being the factor of all exponentials.
	// factorK is K.
	factorK = 0x1.16747cp+0
	logK    = 0x1.58634f11c578ap-4
)

// log is the natural logarithm of a positive normal number, to 2^-45. Every product is
// rounded by itself, so that it is the same on every architecture; that of package math is not.
func log(x float64) float64 {
	x = float64(x) // not a product that is not rounded yet, should the compiler inline this
	k, l := logParts(x)
	return float64(k*ln2Hi) + (l + float64(k*ln2Lo))
}

// logParts is log(x) as k * ln 2 + l, for an integer k, 0 <= l < ln 2.
func logParts(x float64) (k, l float64) {
	b := math.Float64bits(x)
	k = float64(int(b>>52) - 1023)
	e := &logTable[b>>46&63]
	r := float64(math.Float64frombits(b&(1<<52-1)|1023<<52)*e.c) - 1
	// ln(1 + r) by Taylor's polynomial, |r| < 2^-6.9, whose next term is below 2^-51.
	r2 := float64(r * r)
	low := r - float64(r2*0.5)
	high := (1.0/3 - float64(r*0.25)) + float64(r2*(0.2-float64(r*(1.0/6))))
	return k, e.log + (low + float64(float64(r*r2)*high))
}

// log1p is log(1 + x) for 0 <= x <= 1, to 2^-40 of it.
func log1p(x float64) float64 {
	x = float64(x)
	if x >= 0x1p-7 {
		return log(1 + x)
	}
	r2 := float64(x * x)
	high := (1.0/3 - float64(x*0.25)) + float64(r2*(0.2-float64(x*(1.0/6))))
	return x - float64(r2*(0.5-float64(x*high)))
}

// Excess is log(sum(e^(scale*x))) - scale*m for the largest element m, whose exponential is
// top * 2^n and that of the others together rest * 2^n. If the rest is the smaller part, it
// alone decides, so that the excess of an almost sure element keeps its relative accuracy.
func Excess(n float32, top, rest float64, m, scale float32) float64 {
	top, rest = float64(top), float64(rest)
	if rest < top*0.5 {
		return log1p(rest / top)
	}
	// logParts(top + rest), as short rows wait for this: to the compiler it is too long.
	b := math.Float64bits(top + rest)
	e := &logTable[b>>46&63]
	r := float64(math.Float64frombits(b&(1<<52-1)|1023<<52)*e.c) - 1
	r2 := float64(r * r)
	low := r - float64(r2*0.5)
	high := (1.0/3 - float64(r*0.25)) + float64(r2*(0.2-float64(r*(1.0/6))))
	l := e.log + (low + float64(float64(r*r2)*high))
	k := float64(int(b>>52)-1023) + float64(n)
	return (float64(k*math.Ln2) - float64(float64(m)*float64(scale))) + (l - logK)
}

// Exp64 is e^x in float64 for x from -1000 to 0, to 2^-41 of it, and 0 below -708. Unlike that of
// package math, it rounds alike on every architecture.
func Exp64(x float64) float64 {
	x = float64(x) // not a product that is not rounded yet, should the compiler inline this
	if x < -708 {
		return 0
	}
	n := math.RoundToEven(float64(x * math.Log2E))
	t := x - float64(n*ln2Hi) - float64(n*ln2Lo)
	// Taylor's polynomial: at ln(2)/2 its next term is 2^-42.
	p := 1.0
	for k := 10.0; k >= 1; k-- {
		p = 1 + float64(p*t)/k
	}
	return float64(p * math.Float64frombits(uint64(int(n)+1023)<<52))
}

// Exp64 is Exp in float64. The exponent may be far from 0.
func (s *Scale) Exp64(x, n float32) float64 {
	own := s.round(x)
	return float64(s.Exp(x, own)) * math.Float64frombits(uint64(int(own-n)+1023)<<52)
}
