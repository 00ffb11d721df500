package native

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// refSum is the sum of exp(x - max) over src, and max. Exponentials are in
// float64 and their sum is compensated, so that its relative error is below
// 2^-50, next to which that of float32 results is large.
func refSum(src []float32) (max, sum float64) {
	max = math.Inf(-1)
	for _, x := range src {
		if x != x {
			return math.NaN(), math.NaN()
		}
		max = math.Max(max, float64(x))
	}
	var c float64
	for _, x := range src {
		y := math.Exp(float64(x)-max) - c
		t := sum + y
		c = (t - sum) - y
		sum = t
	}
	return max, sum
}

// refLogSumExp follows the table of special values.
func refLogSumExp(src []float32) float64 {
	max, sum := refSum(src)
	if math.IsInf(max, 0) || max != max {
		return max
	}
	return max + math.Log(sum)
}

// result is what the three functions make of a row.
type result struct {
	softmax, logSoftmax []float32
	logSumExp           float32
}

func compute(s Softmaxer, src []float32) result {
	r := result{make([]float32, len(src)), make([]float32, len(src)), s.LogSumExp(src)}
	s.Softmax(r.softmax, src)
	s.LogSoftmax(r.logSoftmax, src)
	return r
}

// deviation holds the largest errors of a result, each as a multiple of its bound.
type deviation struct {
	softmax, logSoftmax, logSumExp float64
	// ulp is that of softmax in units in the last place.
	ulp float64
	// one is the distance of the probabilities' sum from 1.
	one float64
}

func (e *deviation) add(f deviation) {
	e.softmax = math.Max(e.softmax, f.softmax)
	e.logSoftmax = math.Max(e.logSoftmax, f.logSoftmax)
	e.logSumExp = math.Max(e.logSumExp, f.logSumExp)
	e.ulp = math.Max(e.ulp, f.ulp)
	e.one = math.Max(e.one, f.one)
}

// measure compares a result with the reference. The row has a finite element
// and neither +Inf nor NaN. An error that is no number is infinite.
func measure(src []float32, got result) (e deviation) {
	max, sum := refSum(src)
	log := math.Log(sum)
	var one float64
	for i, x := range src {
		d := float64(x) - max
		want := math.Exp(d) / sum
		y := float64(got.softmax[i])
		one += y
		if want < 0x1p-126 {
			if !(y >= 0 && y <= 0x1.00001p-126) || math.Signbit(y) {
				e.softmax = math.Inf(1)
			}
		} else {
			rel := math.Abs(y-want) / want
			e.add(deviation{softmax: rel / (0x1p-22 - 0x1p-24*d), ulp: math.Abs(y-want) / ulp(want)})
			if y != y {
				e.softmax = math.Inf(1)
			}
		}
		want, y = d-log, float64(got.logSoftmax[i])
		switch {
		case y == want || float64(float32(want)) == y: // also where both are -Inf
		case y != y || math.IsInf(y, 0):
			e.logSoftmax = math.Inf(1)
		default:
			e.add(deviation{logSoftmax: math.Abs(y-want) / (0x1p-22 - 0x1p-23*want)})
		}
	}
	e.one = math.Abs(one - 1)
	// max and log separately: their sum would lose log where max is huge.
	y := float64(got.logSumExp)
	e.logSumExp = math.Abs((y-max)-log) / (0x1p-22 + 0x1p-24*math.Abs(y))
	if y != y {
		e.logSumExp = math.Inf(1)
	}
	return e
}

// ulp is the distance of the float32 around x, which is normal.
func ulp(x float64) float64 {
	_, n := math.Frexp(x)
	return math.Ldexp(1, n-24)
}

// setting is a way to compute that has to meet the same contract as every other.
type setting struct {
	name string
	Softmaxer
}

// settings lists every algorithm at every level that runs here, with each of
// the numbers of goroutines.
func settings(t testing.TB, goroutines ...int) (all []setting) {
	algorithms := append(ukernel.Algorithms(), ukernel.Auto)
	for _, isa := range Levels() {
		for _, a := range algorithms {
			for _, g := range goroutines {
				s, err := New(WithISA(isa), WithAlgorithm(a), WithGoroutines(g))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, setting{fmt.Sprintf("%v/%v/%d", isa, a, g), s})
			}
		}
	}
	return all
}

// verify compares a result with the table of special values and the error
// bounds. Empty is what a row of -Inf alone becomes.
func verify(src []float32, got result, empty float32) error {
	lse := refLogSumExp(src)
	all := func(softmax, logSoftmax, logSumExp float32) error {
		if !same(got.logSumExp, logSumExp) {
			return fmt.Errorf("log-sum-exp is %g, want %g", got.logSumExp, logSumExp)
		}
		for i := range src {
			if !same(got.softmax[i], softmax) || !same(got.logSoftmax[i], logSoftmax) {
				return fmt.Errorf("element %d: softmax is %g, want %g; log-softmax is %g, want %g", i, got.softmax[i], softmax, got.logSoftmax[i], logSoftmax)
			}
		}
		return nil
	}
	switch {
	case math.IsInf(lse, -1) && empty == 0:
		return all(0, negInf, negInf)
	case math.IsInf(lse, 0) || lse != lse:
		return all(nan, nan, float32(lse))
	}
	for i, x := range src {
		if x == negInf && (!same(got.softmax[i], 0) || got.logSoftmax[i] != negInf) {
			return fmt.Errorf("element %d is -Inf: softmax is %g, log-softmax %g", i, got.softmax[i], got.logSoftmax[i])
		}
	}
	if e := measure(src, got); !(e.softmax <= 1 && e.logSoftmax <= 1 && e.logSumExp <= 1 && e.one <= 0x1p-20) {
		return fmt.Errorf("errors over bounds: softmax %.3g, log-softmax %.3g, log-sum-exp %.3g; the probabilities' sum is off by %.3g",
			e.softmax, e.logSoftmax, e.logSumExp, e.one)
	}
	return nil
}

// same reports whether two results are equal, zeros with their signs. A NaN
// equals any NaN.
func same(a, b float32) bool {
	return a == b && math.Signbit(float64(a)) == math.Signbit(float64(b)) || a != a && b != b
}

func sameRow(a, b []float32) bool { return slices.EqualFunc(a, b, same) }
