package results

import (
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/speed"
)

func TestCheck(t *testing.T) {
	timing := func(name string, threads int, verdict speed.Verdict, median, half float64) speed.Timing {
		i := speed.Summary{Median: median, Lo: median - half, Hi: median + half}
		s := speed.Timing{Elements: 100, OursNS: i, Verdict: verdict}
		if verdict != "" {
			s.Ratio = i
			s.OursNS = speed.Summary{Median: 5, Lo: 5, Hi: 5}
		}
		s.Name, s.Threads = name, threads
		return s
	}
	machine := machine.Machine{CPU: "X", Family: 6, Model: 1, Arch: "amd64"}
	base := &Results{
		Machine: machine, Reference: "upstream",
		Bits: []bits.Agreement{{Kernel: "k", Inputs: 1}, {Kernel: "gone"}},
		Speed: []speed.Timing{
			timing("steady", 0, speed.Faster, 0.9, 0.01), timing("slower", 2, speed.Faster, 0.9, 0.01), timing("noisy", 0, speed.Noisy, 0.9, 0.3),
			timing("a little", 0, speed.Faster, 0.9, 0.001), timing("alone", 0, "", 10, 0.1), timing("missing", 0, speed.Same, 1, 0.01),
		},
	}
	now := &Results{
		Machine: machine, Reference: "upstream",
		Bits: []bits.Agreement{{Kernel: "k", Inputs: 1, Bits: 1}},
		Speed: []speed.Timing{
			timing("steady", 0, speed.Faster, 0.91, 0.01), timing("slower", 2, speed.Same, 1, 0.01), timing("noisy", 0, speed.Noisy, 1.1, 0.01),
			timing("a little", 0, speed.Faster, 0.905, 0.001), timing("alone", 0, "", 11, 0.1), timing("new", 0, speed.Same, 1, 0.01),
		},
	}
	got, compared, err := Check(base, now, 0.02)
	if err != nil || compared != 4 {
		t.Fatalf("%d timings compared, error %v, want 4", compared, err)
	}
	var lines []string
	for _, r := range got {
		lines = append(lines, r.Name+": "+r.What)
	}
	want := []string{
		"k: 1 bits differ from the reference", "gone: its bits were not compared",
		"slower, 100 elements, 2 threads: slower by 11.1 %",
		"missing, 100 elements: it was not timed",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("regressions\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if got, compared, err := Check(base, base, 0); err != nil || len(got) != 0 || compared != 5 {
		t.Errorf("results against themselves: %v, %d compared, error %v", got, compared, err)
	}

	// Without a reference there are times alone.
	base.Reference, now.Reference = "model", "model"
	got, compared, err = Check(base, now, 0.02)
	if err != nil || compared != 5 || len(got) != 5 || got[3].Name != "alone, 100 elements" || got[3].What != "slower by 10.0 %" {
		t.Errorf("against the model: %v, %d compared, error %v", got, compared, err)
	}
	if _, _, err := Check(base, &Results{Machine: machine}, 0); err == nil || !strings.Contains(err.Error(), "no bits, and no speed") {
		t.Errorf("nothing in common: error %v", err)
	}
}

// TestCheckRaces holds that races are compared by what they are of, whichever of
// upstream's algorithms is the opponent.
func TestCheckRaces(t *testing.T) {
	race := func(cols int, opponent string, median float64) speed.Comparison {
		return speed.Comparison{Kind: speed.Rows, Rows: 2, Cols: cols, Threads: 1, Ratios: []speed.Ratio{
			{Of: "native.SoftmaxRows", To: opponent, Ratio: speed.Summary{Median: median, Lo: median * 0.99, Hi: median * 1.01}, Verdict: speed.Faster},
		}}
	}
	base := &Results{ShortCall: &speed.Summary{Median: 10, Lo: 9, Hi: 11}, Comparisons: []speed.Comparison{race(5, "upstream best two-pass", 0.5), race(6, "upstream best two-pass", 0.5), race(7, "x", 0.5)}}
	base.Speed = []speed.Timing{{Name: "upstream best two-pass"}, {Name: "native.Softmax", Ratio: speed.Summary{Median: 1, Lo: 1, Hi: 1}, Verdict: speed.Same}}
	now := &Results{ShortCall: &speed.Summary{Median: 20, Lo: 19, Hi: 21}, Comparisons: []speed.Comparison{race(5, "upstream best three-pass-reload", 0.5), race(6, "upstream best two-pass", 0.6)}}
	now.Speed = []speed.Timing{{Name: "native.Softmax", Against: "upstream two-pass", Ratio: speed.Summary{Median: 2, Lo: 2, Hi: 2}, Verdict: speed.Slower}}
	got, compared, err := Check(base, now, 0.02)
	var lines []string
	for _, r := range got {
		lines = append(lines, r.Name+": "+r.What)
	}
	want := []string{
		"native.SoftmaxRows / upstream best, 2 x 6 elements, 1 thread: slower by 20.0 %",
		"native.SoftmaxRows / x, 2 x 7 elements, 1 thread: it was not timed",
		"a call on a row of 8: slower by 100.0 %",
	}
	if err != nil || compared != 3 || strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d compared, error %v, regressions\n%s\nwant\n%s", compared, err, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestComparable(t *testing.T) {
	base := &Results{Machine: machine.Machine{CPU: "X", Family: 6, Model: 1, Arch: "amd64"}, Reference: "upstream", Build: Build{Commit: "abc", Compiler: "gcc 12.2.0", Go: "go1.24.0"}}
	now := *base
	now.Build.Go = "go1.25.0"
	if err := Comparable(base, &now); err != nil {
		t.Errorf("another version of Go: %v", err)
	}
	for _, c := range []struct {
		want   string
		change func(*Results)
	}{
		{"different CPUs: X (family 6, model 1, amd64) and X (family 6, model 2, amd64)", func(r *Results) { r.Machine.Model = 2 }},
		{"different references: upstream and model", func(r *Results) { r.Reference = "model" }},
		{"different builds of upstream: abc by gcc 12.2.0 and abc by clang 16", func(r *Results) { r.Build.Compiler = "clang 16" }},
	} {
		other := *base
		c.change(&other)
		if err := Comparable(base, &other); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
