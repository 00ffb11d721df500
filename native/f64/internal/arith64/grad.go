package arith64

import (
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Total is the sum of dy, to about 2^-104 of the sum of sizes.
func Total(l Level, dy []float64) float64 {
	if len(dy) <= arith.Call {
		if t, ok := totalRow(l, dy); ok {
			return t
		}
	}
	return dot(nil, dy)
}

// dot is the sum of y * dy, or that of dy if y is nil. Products and sums go to 8 lanes, with what they
// lack.
func dot(y, dy []float64) float64 {
	var sums [2]vector
	s, r := &sums[0], &sums[1]
	for i, v := range dy {
		rest := 0.0
		if y != nil {
			p := float64(y[i] * v)
			v, rest = p, math.FMA(y[i], v, -p)
		}
		l := i % lanes
		var z float64
		s[l], z = TwoSum(s[l], v)
		r[l] += z + rest
	}
	for n := lanes / 2; n > 0; n /= 2 {
		for l := range n {
			var z float64
			s[l], z = TwoSum(s[l], s[l+n])
			r[l] += r[l+n] + z
		}
	}
	if math.IsInf(s[0], 0) || s[0] != s[0] {
		return s[0] // whose rest is a NaN
	}
	return s[0] + r[0]
}

// SoftmaxGrad is y * (dy - sum(y * dy)) * scale.
func SoftmaxGrad(l Level, dst, y, dy []float64, scale float64) {
	// A kernel does whole rows. Longer ones would be longer calls of assembly than Go should wait for.
	if len(y) <= arith.Call && softmaxGradRow(l, dst, y, dy, scale) {
		return
	}
	total := dot(y, dy)
	for i, p := range y {
		dst[i] = canonical(float64(float64(p*(dy[i]-total)) * scale))
	}
}

// LogSoftmaxGrad is (dy - p * total) * scale.
func LogSoftmaxGrad(l Level, dst, p, dy []float64, total, scale float64) {
	if logSoftmaxGradRow(l, dst, p, dy, total, scale) {
		return
	}
	for i, p := range p {
		dst[i] = canonical(float64(math.FMA(-p, total, dy[i]) * scale))
	}
}

// MinZero is src, with 0 for what is above.
func MinZero(dst, src []float64) {
	for i, v := range src {
		if v > 0 {
			v = 0
		}
		dst[i] = v
	}
}

// NaN is what every NaN is.
var NaN = math.Float64frombits(0x7ff8000000000000)

func canonical(x float64) float64 {
	if x != x {
		return NaN
	}
	return x
}
