package arith64

import "math"

// Dot is the sum of y * dy, or that of dy if y is nil. Products and sums go to 8 lanes, with what they
// lack.
func Dot(l Level, y, dy []float64) float64 {
	var sums [2]vector
	n := 0
	if n = len(dy) &^ (lanes - 1); !addDot(l, y, dy[:n], &sums) {
		n = 0
	}
	s, r := &sums[0], &sums[1]
	for i := n; i < len(dy); i++ {
		v, rest := dy[i], 0.0
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

// SoftmaxGrad is y * (dy - total) * scale.
func SoftmaxGrad(l Level, dst, y, dy []float64, total, scale float64) {
	n := len(y) &^ (lanes - 1)
	if !gradLanes(l, false, dst[:n], y[:n], dy[:n], total, scale) {
		n = 0
	}
	for i, p := range y[n:] {
		i += n
		dst[i] = canonical(float64(float64(p*(dy[i]-total)) * scale))
	}
}

// LogSoftmaxGrad is (dy - p * total) * scale.
func LogSoftmaxGrad(l Level, dst, p, dy []float64, total, scale float64) {
	n := len(p) &^ (lanes - 1)
	if !gradLanes(l, true, dst[:n], p[:n], dy[:n], total, scale) {
		n = 0
	}
	for i, p := range p[n:] {
		i += n
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
