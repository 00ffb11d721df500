package proptest

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

var negInf = float32(math.Inf(-1))

// softmaxer draws a Softmaxer with some level and algorithm.
func softmaxer(t *rapid.T) native.Softmaxer {
	s, err := native.New(
		native.WithISA(rapid.SampledFrom(native.Levels()).Draw(t, "isa")),
		native.WithAlgorithm(rapid.SampledFrom(append(ukernel.Algorithms(), ukernel.Auto)).Draw(t, "algorithm")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logit draws an element: mostly near 0, sometimes large, sometimes -Inf.
func logit() *rapid.Generator[float32] {
	return rapid.OneOf(
		rapid.Float32Range(-20, 20),
		rapid.Float32Range(-20, 20),
		rapid.Float32Range(-1e5, 1e5),
		rapid.Just(negInf),
	)
}

// row draws a row with at least one finite element. Long ones repeat a part, as
// drawing each element would take too long.
func row(t *rapid.T) []float32 {
	part := rapid.SliceOfN(logit(), 1, 300).Draw(t, "part")
	if !slices.ContainsFunc(part, func(x float32) bool { return x > negInf }) {
		part[0] = 1
	}
	return slices.Repeat(part, rapid.SampledFrom([]int{1, 1, 1, 1, 2, 3, 40}).Draw(t, "repeat"))
}

func softmax(s native.Softmaxer, x []float32) []float32 {
	y := make([]float32, len(x))
	s.Softmax(y, x)
	return y
}

// near reports whether two probabilities of elements d below the maximum are as
// near as two results within Softmax's bound have to be.
func near(a, b float32, d float64) bool {
	return math.Abs(float64(a)-float64(b)) <= 2*(0x1p-22+0x1p-24*d)*math.Max(float64(a), float64(b))+0x1p-125
}

// TestShift: adding a constant changes nothing but the rounding of what was
// added; with integers, which round nothing, no more than the bound.
func TestShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := softmaxer(t)
		ints := rapid.SliceOfN(rapid.IntRange(-60, 60), 1, 500).Draw(t, "row")
		shift := rapid.IntRange(-100000, 100000).Draw(t, "shift")
		x, z := make([]float32, len(ints)), make([]float32, len(ints))
		for i, n := range ints {
			x[i], z[i] = float32(n), float32(n+shift)
		}
		a, b := softmax(s, x), softmax(s, z)
		top := slices.Max(x)
		for i := range a {
			if !near(a[i], b[i], float64(top-x[i])) {
				t.Fatalf("element %d of %d: %g becomes %g when all are shifted by %d", i, len(x), a[i], b[i], shift)
			}
		}
		d := float64(s.LogSumExp(z)) - float64(s.LogSumExp(x)) - float64(shift)
		if math.Abs(d) > 0x1p-21+0x1p-23*(math.Abs(float64(shift))+200) {
			t.Fatalf("log-sum-exp moves by %g more than the shift of %d", d, shift)
		}
	})
}

// TestEqualLogits: equal elements get equal bits, wherever they are, and a
// permutation of a row of two values changes no more than the order of its sum.
func TestEqualLogits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := softmaxer(t)
		x := row(t)
		y := softmax(s, x)
		seen := make(map[float32]float32)
		for i, v := range x {
			if p, ok := seen[v]; ok && math.Float32bits(p) != math.Float32bits(y[i]) {
				t.Fatalf("two elements of %g have %g and %g", v, p, y[i])
			}
			seen[v] = y[i]
		}
		order := rapid.Permutation(x[:min(len(x), 300)]).Draw(t, "order")
		order = append(order, x[len(order):]...)
		top := slices.Max(x)
		for i, p := range softmax(s, order) {
			if q := seen[order[i]]; order[i] > negInf && !near(p, q, float64(top)-float64(order[i])) {
				t.Fatalf("element %g has %g, in another order %g", order[i], q, p)
			}
		}
	})
}

// TestMonotonic: a larger element has no smaller probability than one that is
// clearly below it.
func TestMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := softmaxer(t)
		x := row(t)
		y := softmax(s, x)
		logs := make([]float32, len(x))
		s.LogSoftmax(logs, x)
		order := make([]int, len(x))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			switch {
			case x[i] < x[j]:
				return -1
			case x[i] > x[j]:
				return 1
			}
			return 0
		})
		for k := 1; k < len(order); k++ {
			lo, hi := order[k-1], order[k]
			d := float64(x[order[len(order)-1]]) - float64(x[lo])
			if y[lo] > y[hi] && !near(y[lo], y[hi], d) {
				t.Fatalf("softmax of %g is %g, that of %g is %g", x[lo], y[lo], x[hi], y[hi])
			}
			if logs[lo] > logs[hi] { // two subtractions are monotonic
				t.Fatalf("log-softmax of %g is %g, that of %g is %g", x[lo], logs[lo], x[hi], logs[hi])
			}
		}
	})
}

// TestSumToOne: probabilities are in [0, 1] and sum to 1 within 2^-20.
func TestSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := softmaxer(t)
		var sum float64
		for _, p := range softmax(s, row(t)) {
			if !(p >= 0 && p <= 1) {
				t.Fatalf("a probability is %g", p)
			}
			sum += float64(p)
		}
		if math.Abs(sum-1) > 0x1p-20 {
			t.Fatalf("probabilities sum to %v", sum)
		}
	})
}

// TestMergeAssociative: however pieces are merged, the sum stays within its
// bounds.
func TestMergeAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := softmaxer(t)
		var parts [3]native.Accumulator
		for i := range parts {
			parts[i] = s.Accumulator()
			parts[i].Add(row(t))
		}
		left := parts[0]
		left.Merge(&parts[1])
		left.Merge(&parts[2])
		right := parts[1]
		right.Merge(&parts[2])
		other := parts[0]
		other.Merge(&right)
		a, b := float64(left.LogSumExp()), float64(other.LogSumExp())
		if math.Abs(a-b) > 0x1p-23*math.Abs(a) {
			t.Fatalf("log-sum-exp is %v and %v", a, b)
		}
		swapped := parts[1]
		swapped.Merge(&parts[0])
		straight := parts[0]
		straight.Merge(&parts[1])
		if straight.LogSumExp() != swapped.LogSumExp() {
			t.Fatalf("log-sum-exp is %v and, merged the other way around, %v", straight.LogSumExp(), swapped.LogSumExp())
		}
	})
}
