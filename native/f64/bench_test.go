package f64_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/twopass-softmax/twopass/native/f64"
)

// goSoftmax is softmax as many write it: the maximum, math.Exp, a division.
func goSoftmax(dst, src []float64) {
	m := math.Inf(-1)
	for _, x := range src {
		m = max(m, x)
	}
	sum := 0.0
	for i, x := range src {
		e := math.Exp(x - m)
		dst[i] = e
		sum += e
	}
	for i := range dst {
		dst[i] /= sum
	}
}

// goLogSumExp is log-sum-exp as gonum's floats has it: the maximum, math.Exp, a logarithm.
func goLogSumExp(src []float64) float64 {
	m := math.Inf(-1)
	for _, x := range src {
		m = max(m, x)
	}
	sum := 0.0
	for _, x := range src {
		sum += math.Exp(x - m)
	}
	return m + math.Log(sum)
}

func BenchmarkF64(b *testing.B) {
	for _, n := range []int{16, 100, 1000, 4000, 32000, 128256, 1 << 20} {
		x := uniform(1, n)
		y := make([]float64, n)
		for _, f := range []struct {
			name string
			run  func()
		}{
			{"Softmax", func() { f64.Softmax(y, x) }},
			{"LogSoftmax", func() { f64.LogSoftmax(y, x) }},
			{"LogSumExp", func() { f64.LogSumExp(x) }},
			{"SoftmaxGrad", func() { f64.SoftmaxGrad(y, x, x) }},
			{"GoSoftmax", func() { goSoftmax(y, x) }},
			{"GoLogSumExp", func() { goLogSumExp(x) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) {
				b.SetBytes(int64(8 * n))
				for range b.N {
					f.run()
				}
			})
		}
	}
}
