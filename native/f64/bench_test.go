package f64_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native"
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

// goLogSoftmax is the same for log-softmax.
func goLogSoftmax(dst, src []float64) {
	lse := goLogSumExp(src)
	for i, x := range src {
		dst[i] = x - lse
	}
}

// goGrad is the backward pass of softmax.
func goGrad(dst, y, dy []float64) {
	dot := 0.0
	for i, p := range y {
		dot += p * dy[i]
	}
	for i, p := range y {
		dst[i] = p * (dy[i] - dot)
	}
}

// BenchmarkF64 has each function beside the loop that a Go program has without a library. Both are called by
// turns, of about 20 µs where a call is shorter: the lower quartiles of their times are the row's "ns" and
// "Go-ns", whatever else the machine does, and "of-Go" is their ratio.
func BenchmarkF64(b *testing.B) {
	for _, n := range []int{8, 16, 32, 100, 1000, 4000, 32000, 128256, 1 << 19, 1 << 20} {
		x := uniform(1, n)
		y, z, p := make([]float64, n), make([]float64, n), make([]float64, n)
		f64.Softmax(p, x)
		add, keep := native.Row(uniform(2, n)), native.Row(make([]bool, n))
		for i := range keep.Data {
			keep.Data[i] = i%3 > 0
		}
		masked := &f64.Options{Scale: 0.5, Add: add, Keep: keep}
		// Go copies a matrix that was just made 16 bytes at a time, before its 8 bytes are in the cache: calls would
		// wait for each other.
		dst, src := native.Row(y), native.Row(x)
		k := min(n, 10)
		probs, index := native.Row(make([]float64, k)), native.Row(make([]int, k))
		type pair struct {
			name      string
			run, inGo func()
		}
		fs := []pair{
			{"Softmax", func() { f64.Softmax(y, x) }, func() { goSoftmax(z, x) }},
			{"SoftmaxRows", func() { f64.SoftmaxRows(dst, src, nil) }, func() { goSoftmax(z, x) }},
			{"Masked", func() { f64.SoftmaxRows(dst, src, masked) }, func() {
				for i, v := range x {
					if z[i] = v*0.5 + add.Data[i]; !keep.Data[i] {
						z[i] = negInf
					}
				}
				goSoftmax(z, z)
			}},
			{"LogSoftmax", func() { f64.LogSoftmax(y, x) }, func() { goLogSoftmax(z, x) }},
			{"LogSumExp", func() { f64.LogSumExp(x) }, func() { goLogSumExp(x) }},
			{"LogProbs", func() { f64.LogProbs(y[:1], src, []int{n / 2}, nil) }, func() { goLogSumExp(x) }},
			{"TopK", func() { f64.TopK(probs, index, src, nil) }, func() { goLogSumExp(x) }},
			{"SoftmaxGrad", func() { f64.SoftmaxGrad(y, p, x) }, func() { goGrad(z, p, x) }},
		}
		if n <= 100 {
			src, dst := native.Rows(uniform(1, 100*n), n), native.Rows(make([]float64, 100*n), n)
			fs = append(fs, pair{"SoftmaxOf100Rows", func() { f64.SoftmaxRows(dst, src, nil) }, func() {
				for i := 0; i < len(src.Data); i += n {
					goSoftmax(dst.Data[i:i+n], src.Data[i:i+n])
				}
			}})
		}
		for _, f := range fs {
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) { byTurns(b, f.run, f.inGo) })
		}
	}
}

// byTurns reports the times of two functions.
func byTurns(b *testing.B, f, inGo func()) {
	turn := func(f func(), calls int) float64 {
		start := time.Now()
		for range calls {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(calls)
	}
	calls := func(f func()) int {
		f()
		return max(1, int(20_000/max(1, min(turn(f, 3), turn(f, 3)))))
	}
	k, m := calls(f), calls(inGo)
	var times, inGoTimes []float64
	for b.Loop() {
		times, inGoTimes = append(times, turn(f, k)), append(inGoTimes, turn(inGo, m))
	}
	quartile := func(x []float64) float64 {
		slices.Sort(x)
		return x[len(x)/4]
	}
	t, g := quartile(times), quartile(inGoTimes)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(t, "ns")
	b.ReportMetric(g, "Go-ns")
	b.ReportMetric(t/g, "of-Go")
}
