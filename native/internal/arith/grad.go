package arith

import "math"

func softmaxGradPlain(dst, y, dy []float32, total, scale float64) {
	for i, p := range y {
		dst[i] = canonical(float32(float64(float64(p)*(float64(dy[i])-total)) * scale))
	}
}

// logSoftmaxGrad computes exponentials by the level, and the rest in plain Go.
func (l Level) logSoftmaxGrad(dst, y, dy []float32, total, scale float64) {
	st, f := ExpOf()
	var block [512]float32
	for len(y) > 0 {
		p := block[:min(len(y), len(block))]
		for i := range p {
			if p[i] = y[i]; p[i] > 0 {
				p[i] = 0
			}
		}
		l.ExpScale(p, p, &st, &f)
		for i, p := range p {
			dst[i] = canonical(float32((float64(dy[i]) - float64(float64(p)*total)) * scale))
		}
		dst, y, dy = dst[len(p):], y[len(p):], dy[len(p):]
	}
}

// canonical makes every NaN the same.
func canonical(x float32) float32 {
	if x != x {
		return math.Float32frombits(0x7fc00000)
	}
	return x
}
