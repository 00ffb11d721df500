package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/ukernel"
)

// promised are results that meet every target: all kernels of AVX2 in two
// caches, softmax at every length, and races.
func promised() *compare.Results {
	r := results("CPU X")
	r.Build.Compiler = "Debian Clang 16.0.6"
	r.Machine.ISAs = []string{"avx2"}
	r.Speed, r.Races = nil, slices.DeleteFunc(races(), func(r compare.Race) bool { return r.Rows == 1 && r.Kind == compare.RaceRows })
	for i := range r.Races {
		for j, x := range r.Races[i].Ratios {
			if x.To == compare.LimitName {
				r.Races[i].Ratios[j].Ratio = around(1.1)
			}
		}
	}
	for _, k := range ukernel.Upstream() {
		if k.ISA.String() == "avx2" && float32s(k) {
			for _, n := range []int{2048, 1 << 14} {
				r.Speed = append(r.Speed, compare.Timing{Name: k.Name, Speed: measured(n, 1, 0.8)})
			}
		}
	}
	for _, threads := range []int{1, 2} {
		for e := 4; e <= 26; e++ {
			ratio := around(0.4)
			r.Speed = append(r.Speed,
				compare.Timing{Name: "native.Softmax", Against: "upstream best two-pass", Threads: threads, Speed: measured(1<<e, 1, 0.8)},
				compare.Timing{Name: "onednn softmax", Threads: threads, NativeRatio: &ratio, Speed: measured(1<<e, 0, 2)})
		}
	}
	return r
}

// verdicts are the rows of the table of targets by the target.
func verdicts(t *testing.T, r *compare.Results) map[string][]string {
	t.Helper()
	s, err := sets([]Source{{"r.json", r}})
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for _, x := range s[0].targets() {
		measured, worst, met := x.verdict()
		all[x.what] = []string{x.goal(), measured, worst, met}
	}
	return all
}

const kernelsTarget = "kernels of avx2, in L1, / upstream's by clang"

func TestTargetsMet(t *testing.T) {
	all := verdicts(t, promised())
	for what, v := range all {
		if v[3] != "yes" {
			t.Errorf("%s: %q, want that it is met", what, v)
		}
	}
	for what, want := range map[string]string{
		kernelsTarget: "geometric mean ≤ 0.90, none above 1.03; geometric mean 0.800, most 0.800 (62 of 62)",
		"native.Softmax / upstream's best, 2 threads":                               "geometric mean ≤ 0.85, none above 1.03; geometric mean 0.800, most 0.800 (23 of 23)",
		"native.Softmax / oneDNN, 1 thread":                                         "geometric mean ≤ 0.50; geometric mean 0.400, most 0.400 (23 of 23)",
		"native.SoftmaxRows / oneDNN, 1 thread":                                     "geometric mean ≤ 0.80; 0.800",
		"a call of native.Softmax on a row of 8":                                    "< 15.00 ns; 12.500 ns",
		"native.Softmax out of cache, 2 goroutines on one row, / the traffic alone": "≤ 1.15; 1.100",
		"native.Softmax on one row, 2 goroutines / one":                             "≤ 1.03; geometric mean 0.600, most 0.600 (2)",
		"native.LogSumExp / native.Softmax, out of cache, 2 threads":                "≤ 0.55; 0.512",
		"native.LogSoftmax / native.Softmax, 1 thread":                              "geometric mean ≤ 1.00, none above 1.03; geometric mean 0.900, most 0.900 (3)",
	} {
		if v := all[what]; v == nil || v[0]+"; "+v[1] != want {
			t.Errorf("%s: %q, want %q", what, v, want)
		}
	}
	_, _, markdown := report(t, promised())
	contains(t, "the Markdown", markdown, "## Targets", "| native.LogSumExp / native.Softmax, out of cache, 2 threads | yes | ≤ 0.55 | 0.512 | 4,194,304 elements |")
}

// TestTargetsNotMet spoils one thing at a time.
func TestTargetsNotMet(t *testing.T) {
	speed := func(r *compare.Results, name string) *compare.Timing {
		i := slices.IndexFunc(r.Speed, func(s compare.Timing) bool { return s.Name == name })
		return &r.Speed[i]
	}
	const kernel = "f32_raddextexp_ukernel__avx2_p5_u96"
	for _, c := range []struct {
		what, met, worst string
		do               func(*compare.Results)
	}{
		{kernelsTarget, "no", kernel + ", 2,048 elements", func(r *compare.Results) { speed(r, kernel).Ratio = around(1.04) }},
		{kernelsTarget, "yes", kernel + ", 2,048 elements", func(r *compare.Results) { speed(r, kernel).Ratio = around(1.02) }},
		{kernelsTarget, "no", kernel + ", 2,048 elements (too noisy)", func(r *compare.Results) {
			speed(r, kernel).Ratio, speed(r, kernel).Verdict = around(1.1), compare.Noisy
		}},
		{kernelsTarget, "so far", "", func(r *compare.Results) { speed(r, kernel).Name = "f32_rmax_ukernel__avx_u8" }},
		{kernelsTarget, "not measured", "upstream is built by gcc 12.2.0", func(r *compare.Results) { r.Build.Compiler = "gcc 12.2.0" }},
		{kernelsTarget, "no", "", func(r *compare.Results) {
			for i := range r.Speed {
				r.Speed[i].Ratio = around(0.91)
			}
		}},
		{"native.Softmax / upstream's best, 1 thread", "no", "16 elements, to upstream best two-pass", func(r *compare.Results) { speed(r, "native.Softmax").Ratio = around(1.2) }},
		{"native.Softmax / upstream's best, 1 thread", "so far", "", func(r *compare.Results) { speed(r, "native.Softmax").Elements = 17 }},
		{"native.Softmax / upstream's best, 1 thread", "so far", "", func(r *compare.Results) { speed(r, "native.Softmax").Against = "" }},
		{"a call of native.Softmax on a row of 8", "no", "", func(r *compare.Results) { x := around(15); r.ShortCall = &x }},
		{"a call of native.Softmax on a row of 8", "not measured", "it was not timed", func(r *compare.Results) { r.ShortCall = nil }},
		{"native.SoftmaxRows / upstream's best, 1 thread", "not measured", "it was not timed", func(r *compare.Results) { r.Races = nil }},
		{"native.Softmax on one row, 2 goroutines / one", "no", "16,384 elements", func(r *compare.Results) {
			i := slices.IndexFunc(r.Races, func(r compare.Race) bool { return r.Kind == compare.RaceOneRow })
			r.Races[i].Ratios[0].Ratio = around(1.05)
		}},
		{"native.LogSumExp / native.Softmax, out of cache, 1 thread", "not measured", "no row beyond the caches was timed", func(r *compare.Results) {
			for i := range r.Races {
				r.Races[i].Beyond = false
			}
		}},
	} {
		r := promised()
		c.do(r)
		v := verdicts(t, r)[c.what]
		if v == nil || v[3] != c.met || c.worst != "" && v[2] != c.worst {
			t.Errorf("%s: %q, want %q, %q", c.what, v, c.worst, c.met)
		}
	}
}

// TestSoftmaxBest holds that upstream's algorithms by its fastest kernels are one
// side of their own, whichever kernels these are.
func TestSoftmaxBest(t *testing.T) {
	r := results("CPU X")
	for n, isa := range map[int]string{2048: "scalar_p5_u96", 1 << 22: "avx2_p5_u96"} {
		r.Speed = append(r.Speed, compare.Timing{Name: "upstream best two-pass", Threads: 1, Kernels: []string{"f32_raddextexp_ukernel__" + isa, "f32_vscaleextexp_ukernel__" + isa},
			Speed: measured(n, 0, 0.777)})
	}
	_, _, markdown := report(t, r)
	contains(t, "the Markdown", markdown, fmt.Sprintf("| upstream best | two-pass | avx2 | 1 | 2,048 | L1 | %s |", interval(around(0.777))),
		fmt.Sprintf("| upstream best | two-pass | avx2 | 1 | 4,194,304 | memory | %s |", interval(around(0.777))), "upstream best, avx2, 1 thread")
	if strings.Contains(markdown, "| upstream best two-pass |") {
		t.Error("an algorithm is taken for a peer")
	}
}
