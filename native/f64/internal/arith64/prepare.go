package arith64

import "math"

// Prepare writes to dst what goes into exponentials: src * mul + add, -Inf where keep is false. Add and keep
// may be nil.
func Prepare(l Level, dst, src []float64, mul float64, add []float64, keep []bool) {
	switch {
	case add != nil:
		n := len(src) &^ (lanes - 1)
		if mul-mul != 0 || !scaleAdd(l, dst[:n], src[:n], add[:n], mul) {
			n = 0
		}
		for i, x := range src[n:] {
			i += n
			dst[i] = saturate(math.FMA(x, mul, add[i]), x, mul, add[i])
		}
	case mul != 1:
		for i, x := range src {
			dst[i] = saturate(float64(x*mul), x, mul, 0)
		}
	default:
		copy(dst, src)
	}
	n := len(keep) &^ (lanes - 1)
	if !keepLanes(l, dst[:n], keep[:n]) {
		n = 0
	}
	for i, k := range keep[n:] {
		if !k {
			dst[n+i] = negInf
		}
	}
}

// saturate is z, or the largest finite number of its sign where z is an infinity made of finite numbers.
func saturate(z, x, mul, add float64) float64 {
	if z-z != 0 && x-x == 0 && mul-mul == 0 && add-add == 0 {
		return math.Copysign(math.MaxFloat64, z)
	}
	return z
}
