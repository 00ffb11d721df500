package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// hard makes rows that are hard on the error bounds.
var hard = []struct {
	name string
	make func(r *rand.Rand, x []float32)
}{
	{"normal", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64() * 5)
		}
	}},
	{"uniform 100", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.Float64()*200 - 100)
		}
	}},
	{"equal", func(r *rand.Rand, x []float32) { fill(x, float32(r.NormFloat64())) }},
	// Equal terms in a sum of other size: rounding errors of one sign.
	{"two values", func(r *rand.Rand, x []float32) {
		fill(x, 3)
		x[r.IntN(len(x))] = 3 + float32(r.Float64())
	}},
	{"ascending", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(20*float64(i)/float64(len(x)) - 7)
		}
	}},
	// A sum that begins large and goes on in small terms.
	{"descending", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(50 * float64(len(x)-i) / float64(len(x)))
		}
	}},
	{"offset 3e4", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = 3e4 + float32(r.NormFloat64()*5)
		}
	}},
	{"offset -4.5e4", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = -4.5e4 + float32(r.NormFloat64()*5)
		}
	}},
	{"offset 1e6", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = 1e6 + float32(r.NormFloat64()*5)
		}
	}},
	{"offset 1e30", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(1e30 + r.NormFloat64()*1e23)
		}
	}},
	{"offset -1e30", func(r *rand.Rand, x []float32) { fill(x, -1e30) }},
	{"whole range", func(r *rand.Rand, x []float32) {
		for i := range x {
			for x[i] = nan; !(math.Abs(float64(x[i])) <= math.MaxFloat32); {
				x[i] = math.Float32frombits(r.Uint32())
			}
		}
	}},
	{"magnitudes", func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64() * math.Exp2(r.Float64()*60-50))
		}
	}},
	{"masked by -1e9", func(r *rand.Rand, x []float32) {
		for i := range x {
			if x[i] = float32(r.NormFloat64() * 3); r.IntN(3) > 0 {
				x[i] = -1e9 * (1 + float32(r.Float64()))
			}
		}
		x[r.IntN(len(x))] = 1
	}},
	{"masked by -Inf", func(r *rand.Rand, x []float32) {
		for i := range x {
			if x[i] = float32(r.NormFloat64() * 3); r.IntN(3) > 0 {
				x[i] = negInf
			}
		}
		x[r.IntN(len(x))] = 1
	}},
}

// accuracyLengths are every length of the kernels' tails, and some to 2^20.
func accuracyLengths() (ns []int) {
	for n := 1; n <= 200; n++ {
		ns = append(ns, n)
	}
	return append(ns, 777, 1000, 4096, 5001, 1<<16, 1<<16+1, 200003)
}

// TestAccuracy holds the error bounds of every algorithm at every level, and
// prints how much of them is used.
func TestAccuracy(t *testing.T) {
	all := settings(t, 1)
	worst := make([]deviation, len(all))
	for c, class := range hard {
		t.Run(class.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c)))
			for _, n := range accuracyLengths() {
				if testing.Short() && n > 5000 {
					continue
				}
				x := make([]float32, n)
				class.make(r, x)
				ref := newReference(x)
				for i, s := range all {
					if isa := s.engine.isa; n > 5001 && (isa == ukernel.SSE || isa == ukernel.AVX || isa == ukernel.AVX256SKX) {
						continue // what they sum with is of a narrower level
					}
					e := ref.measure(compute(s.Softmaxer, x))
					worst[i].add(e)
					limit := 4.0
					if s.algorithm != ukernel.TwoPass || math.Abs(ref.max) > 45000 {
						limit = math.Inf(1)
					}
					if !(e.softmax <= 1 && e.logSoftmax <= 1 && e.logSumExp <= 1 && e.one <= 0x1p-20 && e.ulp <= limit) {
						t.Errorf("%s: %d elements: errors over bounds %.3g, ULP %.3g, sum of probabilities off by %.3g", s.name, n,
							[]float64{e.softmax, e.logSoftmax, e.logSumExp}, e.ulp, e.one)
					}
				}
			}
		})
	}
	t.Logf("%-32s %8s %8s %8s %8s %12s", "largest error as part of its bound", "Softmax", "LogSoftm", "LogSumE", "ULP", "sum-1")
	for i, s := range all {
		e := worst[i]
		t.Logf("%-32s %8.3f %8.3f %8.3f %8.3f %12.3g", s.name, e.softmax, e.logSoftmax, e.logSumExp, e.ulp, e.one)
	}
}

// TestAccuracyLong looks for a drift with the length of the row: equal terms,
// whose rounding errors all have one sign, where a float32 sum would be off by
// thousands of units in the last place.
func TestAccuracyLong(t *testing.T) {
	n := 1 << 21
	if testing.Short() {
		n = 1 << 18
	}
	x := slices.Repeat([]float32{0.1}, n)
	x[n/2] = 0.73
	want := math.Log(float64(n-1)*math.Exp(float64(x[0])) + math.Exp(float64(x[n/2])))
	dst := make([]float32, n)
	for _, s := range settings(t, 1) {
		if s.engine.isa < ukernel.SSE2 && s.algorithm != ukernel.ThreePassReload {
			continue // scalar kernels take long
		}
		lse := s.LogSumExp(x)
		if d := math.Abs(float64(lse) - want); d > 0x1p-22+0x1p-24*want {
			t.Errorf("%s: log-sum-exp of %d elements is off by %.3g", s.name, n, d)
		}
		s.Softmax(dst, x)
		p := math.Exp(float64(x[0]) - want)
		if d := math.Abs(float64(dst[0])/p - 1); d > 0x1p-21+0x1p-23*0.63 {
			t.Errorf("%s: softmax of %d elements is off by %.3g of it", s.name, n, d)
		}
		var one float64
		for _, p := range dst {
			one += float64(p)
		}
		if math.Abs(one-1) > 0x1p-20 {
			t.Errorf("%s: the probabilities of %d elements sum to %v", s.name, n, one)
		}
	}
}
