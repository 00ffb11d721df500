package speed

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/accuracy"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestGoLibraries holds that what is always there is softmax, on one goroutine and on
// several.
func TestGoLibraries(t *testing.T) {
	var functions []accuracy.Function
	var benchmarks []Benchmark
	for _, l := range GoLibraries() {
		if l.Available != nil {
			t.Errorf("%s: %v", l.Name, l.Available)
		}
		functions = append(functions, accuracy.Function{Name: l.Function, Bind: l.OnRow().Bind})
		for _, threads := range []int{1, 3} {
			benchmarks = append(benchmarks, l.Benchmark(7, 100, threads))
		}
	}
	plan := accuracy.Plan{Functions: functions, Classes: []inputs.Class{inputs.Uniform10}, Lengths: []int{1, 1000}, Outputs: 1000}
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

// TestVerify holds that what is wrong is found wherever it is, and named.
func TestVerify(t *testing.T) {
	const rows, cols = 5, 9
	wrong := func(at int, change func(float32) float32) Benchmark {
		return Benchmark{Run: func(dst, src []float32) {
			for i := 0; i < len(dst); i += cols {
				goSoftmax(dst[i:i+cols], src[i:i+cols])
			}
			dst[at] = change(dst[at])
		}}
	}
	same := func(x float32) float32 { return x }
	for _, c := range []struct {
		benchmark Benchmark
		want      string
	}{
		{wrong(0, same), ""},
		{wrong(7, func(x float32) float32 { return x * (1 + 0x1p-8) }), ""},
		{wrong(0, func(x float32) float32 { return x * (1 + 0x1p-6) }), "element 0 of row 0 is "},
		{wrong(rows*cols-1, func(float32) float32 { return 0 }), "element 8 of row 4 is 0, not "},
		{wrong(2*cols+3, func(float32) float32 { return float32(math.NaN()) }), "element 3 of row 2 is NaN"},
		{Benchmark{Run: func(_, _ []float32) {}}, "element 0 of row 0 is NaN"},
		{Benchmark{Bind: func(_, _ []float32) (run, done func(), err error) { return nil, nil, errors.New("no such rows") }}, "no such rows"},
	} {
		// Beside one that is right, and after it.
		found := Verify([]Benchmark{wrong(1, same), c.benchmark}, rows, cols)
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
	plan := accuracy.Plan{Classes: []inputs.Class{inputs.Normal}, Lengths: []int{3}, Functions: []accuracy.Function{
		{Name: "broken", Bind: func(_, _ []float32) (run, done func(), err error) { return nil, nil, errors.New("no memory") }},
	}}
	if _, err := plan.Run(context.Background(), 2, nil); err == nil || err.Error() != "broken: no memory" {
		t.Errorf("error %v", err)
	}
}
