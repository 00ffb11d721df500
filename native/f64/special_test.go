package f64_test

import (
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
)

var (
	inf    = math.Inf(1)
	negInf = math.Inf(-1)
	nan    = math.NaN()
)

// specials are rows for the lines of the package comment's table, and what becomes of them.
var specials = []struct {
	name               string
	row                []float64
	softmax, logSumExp string
}{
	{"finite", []float64{1, 2, -3}, "correct", "correct"},
	{"huge", []float64{math.MaxFloat64, 0, -math.MaxFloat64}, "correct", "correct"},
	{"large offset", []float64{1e300, 1e300, 1e300}, "correct", "correct"},
	{"large negative offset", []float64{-1e300, -1e300}, "correct", "correct"},
	{"tiny", []float64{5e-324, -5e-324, 0, 1e-310}, "correct", "correct"},
	{"mask values", []float64{1, -1e9, -math.MaxFloat64, -1e300, 2}, "correct", "correct"},
	{"some -Inf", []float64{negInf, 1, negInf, 2, negInf}, "0 there", "correct"},
	{"one finite", []float64{negInf, -5, negInf}, "0 there", "correct"},
	{"-Inf and huge", []float64{negInf, math.MaxFloat64, negInf, -math.MaxFloat64}, "0 there", "correct"},
	{"all -Inf", []float64{negInf, negInf, negInf}, "NaN", "-Inf"},
	{"+Inf", []float64{1, inf, 2}, "NaN", "+Inf"},
	{"+Inf and -Inf", []float64{inf, negInf, 0}, "NaN", "+Inf"},
	{"two +Inf", []float64{inf, inf}, "NaN", "+Inf"},
	{"NaN", []float64{1, nan, 2}, "NaN", "NaN"},
	{"NaN first", []float64{nan, 1, 2}, "NaN", "NaN"},
	{"NaN last", []float64{1, 2, nan}, "NaN", "NaN"},
	{"all NaN", []float64{nan, nan}, "NaN", "NaN"},
	{"NaN and -Inf", []float64{nan, negInf, 1}, "NaN", "NaN"},
	{"NaN among -Inf", []float64{negInf, nan, negInf}, "NaN", "NaN"},
	{"NaN and +Inf", []float64{inf, nan, negInf}, "NaN", "NaN"},
	{"NaN and far", []float64{1e200, nan, negInf}, "NaN", "NaN"},
	{"far and NaN", []float64{nan, -1e200}, "NaN", "NaN"},
}

// TestSpecial holds the table of special values, wherever the elements lie, with -Inf between them: in
// other lanes, turns, chunks and blocks.
func TestSpecial(t *testing.T) {
	defer f64.SetLeast(1)()
	eachLevel(t, func(t *testing.T) {
		for _, s := range specials {
			for _, step := range []int{1, 7, 8, 16, 100, 3000, 5000, 1 << 16} {
				if step > 5000 && testing.Short() {
					continue
				}
				for _, g := range []int{1, 3} {
					x := s.row
					if step > 1 {
						x = slices.Repeat([]float64{negInf}, len(s.row)*step)
						for i, v := range s.row {
							x[i*step] = v
						}
					}
					checkSpecial(t, s.name, s.softmax, s.logSumExp, x, len(s.row), step, &f64.Options{Goroutines: g})
				}
			}
		}
	})
}

func checkSpecial(t *testing.T, name, softmax, logSumExp string, x []float64, n, step int, o *f64.Options) {
	t.Helper()
	y, inPlace, z := make([]float64, len(x)), slices.Clone(x), make([]float64, len(x))
	var lse [1]float64
	f64.SoftmaxRows(native.Row(y), native.Row(x), o)
	f64.SoftmaxRows(native.Row(inPlace), native.Row(inPlace), o)
	f64.LogSoftmaxRows(native.Row(z), native.Row(x), o)
	f64.LogSumExpRows(lse[:], native.Row(x), o)
	same(t, name+" in place", inPlace, y)
	a := f64.NewAccumulator(1)
	for at := 0; at < len(x); at += step {
		a.Add(x[at:min(at+step, len(x))])
	}
	if got := a.LogSumExp(); got != lse[0] && !(got != got && lse[0] != lse[0]) && math.Abs(got-lse[0]) > 1e-15*math.Abs(got) {
		t.Errorf("%s: an accumulator has %v, want %v", name, got, lse[0])
	}
	words := map[string]bool{"NaN": lse[0] != lse[0], "+Inf": lse[0] == inf, "-Inf": lse[0] == negInf, "correct": math.Abs(lse[0]) <= math.MaxFloat64}
	if !words[logSumExp] {
		t.Errorf("%s: log-sum-exp is %v, want %s", name, lse[0], logSumExp)
	}
	if softmax == "NaN" {
		for i, v := range y {
			if math.Float64bits(v) != 0x7ff8000000000000 || math.Float64bits(z[i]) != 0x7ff8000000000000 {
				t.Fatalf("%s, %d elements: result %d is %v, log %v, want the one NaN", name, len(x), i, v, z[i])
			}
		}
		return
	}
	var few []float64
	for i := range n {
		few = append(few, x[i*step])
	}
	want := newReference(few, 1)
	var p, l []float64
	for i := range x {
		if i%step == 0 {
			p, l = append(p, y[i]), append(l, z[i])
		} else if y[i] != 0 || z[i] != negInf {
			t.Fatalf("%s: where -Inf was, results are %v and %v", name, y[i], z[i])
		}
	}
	if e := want.softmaxError(t, p); e > softmaxBound {
		t.Errorf("%s, %d elements: softmax is %v, off by %v", name, len(x), p, e)
	}
	if e := want.logSoftmaxError(t, l); e > 1 {
		t.Errorf("%s, %d elements: log-softmax is %v, off by %v", name, len(x), l, e)
	}
	if e := want.logSumExpError(lse[0]); e > 1 {
		t.Errorf("%s, %d elements: log-sum-exp is %v, off by %v", name, len(x), lse[0], e)
	}
}

// TestSurest: an element without others is sure, whatever its N.
func TestSurest(t *testing.T) {
	for i := -30000; i < 30000; i++ {
		x, y := []float64{negInf, float64(i) / 10}[i&1:], make([]float64, 2)
		f64.LogSoftmax(y[i&1:], x)
		if lse := f64.LogSumExp(x); lse != x[len(x)-1] || y[1] != 0 {
			t.Fatalf("log-sum-exp of %v is %v, log-softmax %v", x, lse, y[1])
		}
	}
}

func TestEmpty(t *testing.T) {
	f64.Softmax(nil, nil)
	f64.LogSoftmax(nil, nil)
	f64.SoftmaxGrad(nil, nil, nil)
	f64.LogSoftmaxGrad(nil, nil, nil)
	var a f64.Accumulator
	a.Add(nil)
	lse := []float64{1, 2}
	f64.LogSumExpRows(lse, f64.Matrix{Rows: 2, Stride: 9}, &f64.Options{Keep: native.Matrix[bool]{Rows: 2, Data: []bool{}, Stride: 9}})
	if y := f64.LogSumExp(nil); y != negInf || lse[0] != negInf || lse[1] != negInf || a.LogSumExp() != negInf {
		t.Errorf("log-sum-exp of nothing is %v, %v, %v", y, lse, a.LogSumExp())
	}
}

// TestZeroRows: what Options.ZeroRows makes of rows with nothing left.
func TestZeroRows(t *testing.T) {
	x := []float64{negInf, negInf, 3, 4}
	o := &f64.Options{ZeroRows: true, Keep: native.Matrix[bool]{Rows: 1, Cols: 2, Data: []bool{false, true}, Stride: 2}}
	y := make([]float64, 4)
	f64.SoftmaxRows(native.Rows(y, 2), native.Rows(x, 2), o)
	same(t, "softmax", y, []float64{0, 0, 0, 1})
	f64.LogSoftmaxRows(native.Rows(y, 2), native.Rows(x, 2), o)
	same(t, "log-softmax", y, []float64{negInf, negInf, negInf, 0})
}

// same compares bits; the NaN is the one that all are.
func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i, w := range want {
		if math.Float64bits(got[i]) != math.Float64bits(w) && !(w != w && math.Float64bits(got[i]) == math.Float64bits(arith64.NaN)) {
			t.Fatalf("%s: element %d of %d is %v (%#x), want %v (%#x)", what, i, len(want), got[i], math.Float64bits(got[i]), w, math.Float64bits(w))
		}
	}
}

// TestManySmallest has a largest element next to which each of the others is below 2^-1022, but not all together.
func TestManySmallest(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, n := range []int{10, 3000, 70000} {
			x, y := make([]float64, n+1), make([]float64, n+1)
			x[n] = 709 + math.Log(float64(n))/2
			want := -float64(n) * math.Exp(-x[n]/2) * math.Exp(-x[n]/2)
			f64.LogSoftmax(y, x)
			if got := y[n]; math.Abs(got-want) > 0x1p-30*-want {
				t.Errorf("the log-softmax of %v next to %d zeros is %v, want %v", x[n], n, got, want)
			}
			var a f64.Accumulator
			a.Add(x[:n])
			a.Add(x[n:])
			if a.LogSoftmax(y[n:], x[n:]); math.Abs(y[n]-want) > 0x1p-30*-want {
				t.Errorf("of pieces it is %v, want %v", y[n], want)
			}
		}
	})
}
