package arith

import "math"

func softmaxGradPlain(dst, y, dy []float32, total, scale float64) {
	for i, p := range y {
		dst[i] = canonical(float32(float64(float64(p)*(float64(dy[i])-total)) * scale))
	}
}

func logSoftmaxGradPlain(dst, p, dy []float32, total, scale float64) {
	for i, p := range p {
		dst[i] = canonical(float32((float64(dy[i]) - float64(float64(p)*total)) * scale))
	}
}

func minZeroPlain(dst, src []float32) {
	for i, v := range src {
		if v > 0 {
			v = 0
		}
		dst[i] = v
	}
}

// canonical makes every NaN the same.
func canonical(x float32) float32 {
	if x != x {
		return math.Float32frombits(0x7fc00000)
	}
	return x
}
