package compare

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	timing := func(name string, threads int, verdict Verdict, median, half float64) Timing {
		i := Interval{median, median - half, median + half}
		s := Speed{Elements: 100, OursNS: i, Verdict: verdict}
		if verdict != "" {
			s.Ratio = i
			s.OursNS = Interval{5, 5, 5}
		}
		return Timing{Name: name, Threads: threads, Speed: s}
	}
	machine := Machine{CPU: "X", Family: 6, Model: 1, Arch: "amd64"}
	base := &Results{
		Machine: machine, Reference: "upstream",
		Bits: []Agreement{{Kernel: "k", Inputs: 1}, {Kernel: "gone"}},
		Speed: []Timing{
			timing("steady", 0, Faster, 0.9, 0.01), timing("slower", 2, Faster, 0.9, 0.01), timing("noisy", 0, Noisy, 0.9, 0.3),
			timing("a little", 0, Faster, 0.9, 0.001), timing("alone", 0, "", 10, 0.1), timing("missing", 0, Same, 1, 0.01),
		},
	}
	now := &Results{
		Machine: machine, Reference: "upstream",
		Bits: []Agreement{{Kernel: "k", Inputs: 1, Bits: 3}},
		Speed: []Timing{
			timing("steady", 0, Faster, 0.91, 0.01), timing("slower", 2, Same, 1, 0.01), timing("noisy", 0, Noisy, 1.1, 0.01),
			timing("a little", 0, Faster, 0.905, 0.001), timing("alone", 0, "", 11, 0.1), timing("new", 0, Same, 1, 0.01),
		},
	}
	got, compared, err := Check(base, now, 0.02)
	if err != nil || compared != 5 {
		t.Fatalf("%d timings compared, error %v, want 5", compared, err)
	}
	var lines []string
	for _, r := range got {
		lines = append(lines, r.Name+": "+r.What)
	}
	want := []string{
		"k: 3 bits differ from the reference", "gone: its bits were not compared",
		"slower, 100 elements, 2 threads: slower by 11.1 %", "alone, 100 elements: slower by 10.0 %",
		"missing, 100 elements: it was not timed",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("regressions\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if got, compared, err := Check(base, base, 0); err != nil || len(got) != 0 || compared != 6 {
		t.Errorf("results against themselves: %v, %d compared, error %v", got, compared, err)
	}

	other := *now
	other.Machine.Model = 2
	if _, _, err := Check(base, &other, 0); err == nil || !strings.Contains(err.Error(), "different CPUs: X (family 6, model 1, amd64) and X (family 6, model 2, amd64)") {
		t.Errorf("error %v, want one about the CPUs", err)
	}
	other = *now
	other.Reference = "model"
	if _, _, err := Check(base, &other, 0); err == nil || !strings.Contains(err.Error(), "upstream and model") {
		t.Errorf("error %v, want one about the references", err)
	}
}
