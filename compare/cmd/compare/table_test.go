package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native/f64"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// inC gives the test's upstream side a loop, as if in C, with a clock that says 1 ns for
// an element: what is called from Go can't be as fast here.
func inC(t *testing.T, a *app) {
	a.sides.ref.InC = func(dst, src []float32, cols, times int, opts xnnpack.Options) (time.Duration, error) {
		var passes []ukernel.Func
		for _, name := range opts.Kernels {
			f, err := a.sides.ref.Lookup(name)
			if err != nil {
				t.Error(err)
			}
			passes = append(passes, f)
		}
		c, err := ukernel.Compose(opts.Algorithm, passes...)
		if err != nil {
			t.Error(err)
			return 0, err
		}
		for range min(times, 2) {
			for i := 0; i < len(src); i += cols {
				c.Softmax(dst[i:i+cols], src[i:i+cols])
			}
		}
		return time.Duration(times * len(src)), nil
	}
}

// TestSpeedInC holds that upstream's calls from C are timed by their own clock, and
// that native is compared with them.
func TestSpeedInC(t *testing.T) {
	a, out := testApp()
	inC(t, a)
	r := speedResults(t, a, "--sizes", "64", "--threads", "1", "--algorithms", "three-pass-reload")
	var names []string
	for _, s := range r.Speed {
		names = append(names, s.Name)
		if loop := strings.Contains(s.Name, speed.InC); loop && s.OursNS.Median != 1 || !(s.MaxULP > 0.4 && s.MaxULP < 100) {
			t.Errorf("%s: %v ns, %v ULP", s.Name, s.OursNS.Median, s.MaxULP)
		}
		if s.Verdict != "" && (s.Against != "upstream in C three-pass-reload" || s.RefNS.Median != 1) {
			t.Errorf("%s is compared with %s, of %v ns", s.Name, s.Against, s.RefNS.Median)
		}
	}
	if want := []string{"upstream three-pass-reload", "upstream in C three-pass-reload", "native three-pass-reload", speed.NativeSoftmax, speed.GoLoop, fake}; !slices.Equal(names, want) {
		t.Errorf("timed %q, want %q", names, want)
	}
	contains(t, out.String(), "ns/elem   from C  ULP max, mean", "/ upstream in C three-pass-reload")

	a, _ = testApp()
	inC(t, a)
	r = speedResults(t, a, "--rows", "7x10", "--threads", "1,2")
	wantComparisons(t, r.Comparisons, 2, speed.NativeSoftmaxRows, "upstream best three-pass-reload", "upstream best in C three-pass-reload", speed.GoLoop, fake,
		"native.SoftmaxRows / upstream best three-pass-reload", "native.SoftmaxRows / upstream best in C three-pass-reload",
		"native.SoftmaxRows / Go loop over math.Exp", "native.SoftmaxRows / fake softmax")
	for _, e := range r.Comparisons[0].Entries {
		if !(e.MaxULP > 0.4) || strings.Contains(e.Name, speed.InC) && e.NS.Median != 1 {
			t.Errorf("%+v", e)
		}
	}
}

// TestSummaryInC holds that the command without arguments, too, compares with calls from C.
func TestSummaryInC(t *testing.T) {
	a, out := testApp()
	inC(t, a)
	if err := a.summary(context.Background(), testOptions()); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "with the same kernels, upstream called from a loop in C", "0 bits differ")
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "three-pass-reload") && !strings.Contains(line, " 1.000 ") {
			t.Errorf("not the time of the loop, 1 ns an element: %s", line)
		}
	}
}

func TestTable(t *testing.T) {
	a, out := testApp()
	inC(t, a)
	json := filepath.Join(t.TempDir(), "table.json")
	if err := run(t, a, "table", "--sizes", "16,1000", "--time", "1ms", "--json", json); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "| elements | 16 | 1,000 |\n|---|---:|---:|\n| Go loop over math.Exp | ", "| `native.Softmax` | ",
		"| XNNPACK called from C | 16.0 ns; ", " | 1,000 ns; ", "XNNPACK's fastest: three-pass-reload.",
		"; Fake 1.2.3", "Without Absent: built without it.", "wrong softmax is wrong on 1 row of 1,000 elements", "| | uniform10 | normal | uniform1000 | ascending | masked |")
	r, err := results.Read(json)
	if err != nil {
		t.Fatal(err)
	}
	wantComparisons(t, r.Comparisons[1:], 1, speed.NativeSoftmax, "upstream best in C three-pass-reload", speed.GoLoop, fake)

	a, out = testApp()
	a.sides.noUpstream = errors.New("built without it")
	if err := run(t, a, "table", "--sizes", "16", "--time", "1ms"); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "| `native.Softmax` | ", "Without XNNPACK: built without it.")
	if strings.Contains(out.String(), "| XNNPACK") {
		t.Errorf("a row of XNNPACK, which is not there:\n%s", out)
	}
	if err := run(t, a, "table", "--sizes", "0"); err == nil || !strings.Contains(err.Error(), `--sizes: "0" is not a length`) {
		t.Errorf("error %v", err)
	}
}

func TestTableFloat64(t *testing.T) {
	a, out := testApp()
	if err := run(t, a, "table", "--float64", "--sizes", "16,1000", "--time", "1ms"); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "| elements | 16 | 1,000 |\n|---|---:|---:|\n| Go loop over math.Exp | ", "| gonum | ", "| `f64.Softmax` | ")
	if err := run(t, a, "table", "--float64", "--json", "x"); err == nil {
		t.Error("no error for --json")
	}
	// What is wrong by 2^-50 is off by 4 to 8 ULP, and by what f64.Softmax is off.
	wrong := func(dst, src []float64) {
		f64.Softmax(dst, src)
		dst[len(dst)-1] *= 1 + 0x1p-50
	}
	all := append(softmaxes64(), softmax64{name: "wrong", bind: func(dst, src []float64) (run, done func(), err error) {
		return func() { wrong(dst, src) }, func() {}, nil
	}}, softmax64{name: "NaN", bind: func(dst, src []float64) (run, done func(), err error) { return func() {}, func() {}, nil }})
	_, errs, err := measure64(all, 16, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range errs {
		most, _ := strconv.ParseFloat(strings.Split(e, ",")[0], 64)
		switch name := all[i].name; {
		case name == "NaN" && e != "NaN", name == "wrong" && !(most > 4 && most < 12), name == f64Name && !(most >= 0.5 && most < 3.5):
			t.Errorf("%s: %s ULP", name, e)
		}
	}
	// Of equal elements, what is right is known.
	if e := ulps64(0.25, exactSoftmax([]float64{3, 3, 3, 3})[1]); e != 0 {
		t.Errorf("a quarter is off by %v", e)
	}
}

func TestRowTime(t *testing.T) {
	for ns, want := range map[float64]string{9.46: "9.5 ns", 246.4: "246 ns", 9893: "9,893 ns", 13456: "13.5 µs", 333333: "333 µs", 1.3e6: "1,300 µs"} {
		if got := rowTime(ns); got != want {
			t.Errorf("%v ns: %q, want %q", ns, got, want)
		}
	}
}
