package accuracy

import (
	"context"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

func TestULPs(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		got   float32
		exact float64
		want  float64
	}{
		{1, 1, 0},
		{math.Nextafter32(1, 2), 1, 1},
		{1, 1 + 0x1p-24, 0.5},
		{math.Nextafter32(1, 0), 1, 0.5}, // below 1 they are half as far apart
		{1.5, 1.5 - 0x1p-25, 0.25},
		{0x1p-126, 0x1p-126 + 0x1p-149, 1},
		{0, 0x1p-149, 1}, {0x1p-149, 0, 1},
		{-3, -3 - 0x1p-21, 2},
		{inf, math.Inf(1), 0},
	} {
		if got := ULPs(c.got, c.exact); got != c.want {
			t.Errorf("ULPs(%v, %v) = %v, want %v", c.got, c.exact, got, c.want)
		}
	}
	if !math.IsNaN(ULPs(float32(math.NaN()), 1)) {
		t.Error("a NaN has an error that is a number")
	}
}

// TestExact compares with sums of 200 bits: the exponentials are float64's, but
// nothing is lost in adding them up.
func TestExact(t *testing.T) {
	for _, class := range []inputs.Class{inputs.Uniform10, inputs.Normal, inputs.Uniform1000, inputs.Ascending, inputs.Equal, inputs.Huge} {
		for _, n := range []int{1, 2, 1000} {
			src := class.Row(0, n)
			var x exact
			x.of(src)
			sum := new(big.Float).SetPrec(200)
			for _, v := range src {
				sum.Add(sum, big.NewFloat(math.Exp(float64(v)-x.max)))
			}
			if want, _ := sum.Float64(); math.Abs(x.sum/want-1) > 0x1p-52 {
				t.Errorf("%v, %d: sum %v, want %v", class, n, x.sum, want)
			}
			total := 0.0
			for i := range src {
				total += x.value(speed.Softmax, i)
				if p := x.value(speed.Softmax, i); p > 1e-300 && math.Abs(math.Log(p)-x.value(speed.LogSoftmax, i)) > 1e-12*(1+math.Abs(math.Log(p))) {
					t.Errorf("%v, %d: softmax %v, its logarithm %v", class, n, p, x.value(speed.LogSoftmax, i))
				}
			}
			if math.Abs(total-1) > 1e-12 {
				t.Errorf("%v, %d: the outputs add up to %v", class, n, total)
			}
		}
	}
	// One element far above the other: log(1 + e^-30) is e^-30 and a bit.
	var x exact
	x.of([]float32{40, 10})
	if got, want := x.value(speed.LogSoftmax, 0), -math.Log1p(math.Exp(-30)); got != want {
		t.Errorf("logarithm %v, want %v", got, want)
	}
	if got := x.value(speed.LogSumExp, 0); got != 40+math.Log1p(math.Exp(-30)) {
		t.Errorf("log of the sum %v", got)
	}
}

func TestPlan(t *testing.T) {
	round := speed.Benchmark{Name: "rounded", Run: func(dst, src []float32) {
		var x exact
		x.of(src)
		for i := range dst {
			dst[i] = float32(x.value(speed.Softmax, i))
		}
	}}
	off := speed.Benchmark{Name: "one off", Run: func(dst, src []float32) {
		round.Run(dst, src)
		dst[len(dst)/2] = math.Nextafter32(dst[len(dst)/2], 2)
	}}
	nan := speed.Benchmark{Name: "NaN", Run: func(dst, src []float32) {
		round.Run(dst, src)
		dst[0] = float32(math.NaN())
	}}
	lse := speed.Benchmark{Name: "sum", Computes: speed.LogSumExp, Run: func(dst, src []float32) {
		var x exact
		x.of(src)
		dst[0] = float32(x.value(speed.LogSumExp, 0))
	}}
	p := Plan{
		Functions: []speed.Benchmark{round, off, nan, lse}, Classes: []inputs.Class{inputs.Normal, inputs.Uniform10},
		Lengths: []int{10, 100}, Outputs: 1000,
	}
	calls := 0
	all, err := p.Run(context.Background(), 2, func() { calls++ })
	if err != nil || len(all) != 16 || calls != 4 {
		t.Fatalf("%d results after %d calls of done, error %v", len(all), calls, err)
	}
	for i, a := range all {
		f := p.Functions[i/2%4]
		rows := 1000 / a.Length
		if a.Name != f.Name || a.Class != p.Classes[i/8].String() || a.Length != p.Lengths[i%2] || a.Rows != rows {
			t.Errorf("result %d is of %s, %s, %d with %d rows", i, a.Name, a.Class, a.Length, a.Rows)
		}
		outputs, maxLo, maxHi, nans := int64(1000), 0.4, 0.5, int64(0)
		switch f.Name {
		case "one off":
			maxLo, maxHi = 1, 1.5
		case "NaN":
			nans = int64(rows)
		case "sum":
			outputs, maxLo = int64(rows), 0.1
		}
		if a.Outputs != outputs || a.NaNs != nans || a.MaxULP < maxLo || a.MaxULP > maxHi || a.MeanULP > 0.4 {
			t.Errorf("%+v, want %d outputs, %d NaNs, at most %v..%v ULP", a, outputs, nans, maxLo, maxHi)
		}
		if f.Name == "one off" && a.At != a.Length/2 {
			t.Errorf("the greatest error is at %d of %d, want the middle", a.At, a.Length)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Run(ctx, 2, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// TestVerify holds that what is wrong is found wherever it is, and named.
func TestVerify(t *testing.T) {
	const rows, cols = 5, 9
	wrong := func(at int, change func(float32) float32) speed.Benchmark {
		return speed.Benchmark{Run: func(dst, src []float32) {
			right, _, _ := speed.GoLibraries()[0].Bind(dst, src, rows, cols, 1)
			right()
			dst[at] = change(dst[at])
		}}
	}
	same := func(x float32) float32 { return x }
	for _, c := range []struct {
		benchmark speed.Benchmark
		want      string
	}{
		{wrong(0, same), ""},
		{wrong(7, func(x float32) float32 { return x * (1 + 0x1p-8) }), ""},
		{wrong(0, func(x float32) float32 { return x * (1 + 0x1p-6) }), "element 0 of row 0 is "},
		{wrong(rows*cols-1, func(float32) float32 { return 0 }), "element 8 of row 4 is 0, not "},
		{wrong(2*cols+3, func(float32) float32 { return float32(math.NaN()) }), "element 3 of row 2 is NaN"},
		{speed.Benchmark{Run: func(_, _ []float32) {}}, "element 0 of row 0 is NaN"},
		{speed.Benchmark{Bind: func(_, _ []float32) (run, done func(), err error) { return nil, nil, errors.New("no such rows") }}, "no such rows"},
	} {
		// Beside one that is right, and after it.
		found := Verify([]speed.Benchmark{wrong(1, same), c.benchmark}, rows, cols)
		got := ""
		if found[1] != nil {
			got = found[1].Error()
		}
		if found[0] != nil || (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v and %q, want %q", found[0], got, c.want)
		}
	}
}

// TestBindFails holds that a function that can't be had stops a measurement, with its name.
func TestBindFails(t *testing.T) {
	plan := Plan{Classes: []inputs.Class{inputs.Normal}, Lengths: []int{3}, Functions: []speed.Benchmark{
		{Name: "broken", Bind: func(_, _ []float32) (run, done func(), err error) { return nil, nil, errors.New("no memory") }},
	}}
	if _, err := plan.Run(context.Background(), 2, nil); err == nil || err.Error() != "broken: no memory" {
		t.Errorf("error %v", err)
	}
}

// TestGoLibraries holds that what is always there is softmax, on one goroutine and on
// several.
func TestGoLibraries(t *testing.T) {
	var functions, benchmarks []speed.Benchmark
	for _, l := range speed.GoLibraries() {
		if l.Available != nil {
			t.Errorf("%s: %v", l.Name, l.Available)
		}
		functions = append(functions, l.OnRow())
		for _, threads := range []int{1, 3} {
			benchmarks = append(benchmarks, l.Benchmark(7, 100, threads))
		}
	}
	plan := Plan{Functions: functions, Classes: []inputs.Class{inputs.Uniform10}, Lengths: []int{1, 1000}, Outputs: 1000}
	all, err := plan.Run(context.Background(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.MaxULP > 3 || a.NaNs > 0 || a.Outputs != 1000 {
			t.Errorf("%+v", a)
		}
	}
	for i, err := range Verify(benchmarks, 7, 100) {
		if err != nil {
			t.Errorf("%s: %v", benchmarks[i].Name, err)
		}
	}
}

// TestWorst merges the lengths of a function on a class, and leaves others out.
func TestWorst(t *testing.T) {
	all := []Errors{
		{Name: "f", Class: "c", Length: 10, Rows: 1, Outputs: 10, MaxULP: 2, MeanULP: 0.5, NaNs: 2, At: 3, Seed: 4},
		{Name: "g", Class: "c", Length: 10, Rows: 1, Outputs: 10, MaxULP: 9},
		{Name: "f", Class: "d", Length: 10, Rows: 1, Outputs: 10, MaxULP: 9},
		{Name: "f", Class: "c", Length: 20, Rows: 2, Outputs: 40, MaxULP: 1, MeanULP: 0.25, NaNs: 16},
	}
	want := Errors{Name: "f", Class: "c", Length: 10, Rows: 3, Outputs: 50, MaxULP: 2, MeanULP: (8*0.5 + 24*0.25) / 32, NaNs: 18, At: 3, Seed: 4}
	if got := Worst(all, "f", "c"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
