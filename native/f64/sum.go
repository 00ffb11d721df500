package f64

import "github.com/twopass-softmax/twopass/native/f64/internal/arith64"

// sum is a sum of exponentials, e^(scale*x) * 2^-n. It is empty if hi is 0.
type sum struct {
	n      float64 // an integer
	hi, lo float64
	max    float64 // the largest element
	at     int     // where the first chunk with it begins
	// For logarithms: its exponential, and all others added up.
	top, rest float64
}

// merge adds b. A sum to begin with has max -Inf or is the zero sum.
func (a *sum) merge(b *sum) {
	if b.hi == 0 {
		return
	}
	if a.hi == 0 {
		*a = *b
		return
	}
	c := *b
	n := max(a.n, b.n)
	a.rescale(n)
	c.rescale(n)
	h, z := arith64.TwoSum(a.hi, c.hi)
	a.hi, a.lo = h, a.lo+c.lo+z
	if c.max > a.max {
		a.rest += a.top + c.rest
		a.max, a.at, a.top = c.max, c.at, c.top
	} else {
		a.rest += c.top + c.rest
	}
}

// rescale sets n, to a larger one.
func (a *sum) rescale(n float64) {
	if n != a.n {
		d := a.n - n
		f := arith64.Pow2(d)
		a.n = n
		a.hi, a.lo, a.top, a.rest = float64(a.hi*f), float64(a.lo*f), scaled(a.top, d), scaled(a.rest, d)
	}
}

// scaled is x * 2^n for an integer n up to 0. Of many small exponentials, each with a 2^n below the normal
// numbers, the sum may be a normal one.
func scaled(x, n float64) float64 {
	if n < -900 {
		x, n = float64(x*0x1p-100), n+100
	}
	return float64(x * arith64.Pow2(n))
}

// sure reports whether the largest element is more than twice as much as all others.
func (a *sum) sure() bool { return a.rest < a.top*0.5 }

// excess is the logarithm of the sum less that of its largest element, in two.
func (a *sum) excess(s *arith64.Scale) (h, l float64) {
	if a.sure() {
		return arith64.Log1p(a.rest / a.top), 0
	}
	return arith64.Excess(a.n, a.hi, a.lo, a.max, s.Factor)
}

// log is the logarithm of the sum, for the largest element m, without a shift.
func (a *sum) log(m float64, s *arith64.Scale) float64 {
	h, l := a.excess(s)
	return arith64.MulAdd(m, s.Factor, h, l)
}
