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
		if x == negInf {
			continue
		}
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

// Goroutines share short rows too in tests.
func init() { vectorLeast, scalarLeast = 1<<15, 1<<15 }

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

// reference is what a row's results should be.
type reference struct {
	src      []float32
	max, log float64 // log-sum-exp is max + log; log-softmax is x - max - log
	softmax  []float64
}

func newReference(src []float32) *reference {
	r := &reference{src: src, softmax: make([]float64, len(src))}
	var sum float64
	r.max, sum = refSum(src)
	r.log = math.Log(sum)
	for i, x := range src {
		if x > negInf {
			r.softmax[i] = math.Exp(float64(x)-r.max) / sum
		}
	}
	return r
}

// measure compares a result with the reference, of a row that has a finite
// element and neither +Inf nor NaN. An error that is no number is infinite.
func (r *reference) measure(got result) (e deviation) {
	for i, x := range r.src {
		d := float64(x) - r.max
		want, y := r.softmax[i], float64(got.softmax[i])
		e.one += y
		if want < 0x1p-126 {
			if !(y >= 0 && y <= 0x1.00001p-126) || math.Signbit(y) {
				e.softmax = math.Inf(1)
			}
		} else if y != want {
			rel := math.Abs(y-want) / want
			e.softmax = math.Max(e.softmax, rel/(0x1p-21-0x1p-23*d))
			e.ulp = math.Max(e.ulp, math.Abs(y-want)/ulp(want))
			if y != y {
				e.softmax = math.Inf(1)
			}
		}
		want, y = d-r.log, float64(got.logSoftmax[i])
		switch {
		case y == want || float64(float32(want)) == y: // also where both are -Inf
		case y != y || math.IsInf(y, 0):
			e.logSoftmax = math.Inf(1)
		default:
			e.logSoftmax = math.Max(e.logSoftmax, math.Abs(y-want)/(0x1p-22-0x1p-23*want))
		}
	}
	e.one = math.Abs(e.one - 1)
	// max and log separately: their sum would lose log where max is huge.
	y := float64(got.logSumExp)
	e.logSumExp = math.Abs((y-r.max)-r.log) / (0x1p-22 + 0x1p-24*math.Abs(y))
	if y != y {
		e.logSumExp = math.Inf(1)
	}
	return e
}

// ulp is the distance of the float32 around x, which is normal and positive.
func ulp(x float64) float64 {
	return math.Float64frombits(math.Float64bits(x)&(0x7ff<<52)) * 0x1p-23
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
	return newReference(src).verify(got, empty)
}

func (r *reference) verify(got result, empty float32) error {
	all := func(softmax, logSoftmax, logSumExp float32) error {
		if !same(got.logSumExp, logSumExp) {
			return fmt.Errorf("log-sum-exp is %g, want %g", got.logSumExp, logSumExp)
		}
		for i := range r.src {
			if !same(got.softmax[i], softmax) || !same(got.logSoftmax[i], logSoftmax) {
				return fmt.Errorf("element %d: softmax is %g, want %g; log-softmax is %g, want %g", i, got.softmax[i], softmax, got.logSoftmax[i], logSoftmax)
			}
		}
		return nil
	}
	switch {
	case math.IsInf(r.max, -1) && empty == 0:
		return all(0, negInf, negInf)
	case math.IsInf(r.max, 0) || r.max != r.max:
		return all(nan, nan, float32(r.max))
	}
	for i, x := range r.src {
		if x == negInf && (!same(got.softmax[i], 0) || got.logSoftmax[i] != negInf) {
			return fmt.Errorf("element %d is -Inf: softmax is %g, log-softmax %g", i, got.softmax[i], got.logSoftmax[i])
		}
	}
	if e := r.measure(got); !(e.softmax <= 1 && e.logSoftmax <= 1 && e.logSumExp <= 1 && e.one <= 0x1p-20) {
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
