package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, ratio float64) string {
		i := speed.Summary{Median: ratio, Lo: ratio - 0.01, Hi: ratio + 0.01}
		r := &results.Results{Speed: []speed.Timing{{Name: "k", Elements: 9, Ratio: i, Verdict: speed.Same}}}
		path := filepath.Join(dir, name)
		if err := r.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base, worse := write("base.json", 0.9), write("new.json", 1)
	a, out := testApp()
	if err := run(t, a, "check", base, base); err != nil {
		t.Error(err)
	}
	contains(t, out.String(), "1 measurement of speed compared, 0 regressions.")
	a, out = testApp()
	if err := run(t, a, "check", base, worse); !errors.Is(err, errRegressed) {
		t.Errorf("error %v, want errRegressed", err)
	}
	contains(t, out.String(), "regression     was                          is\n",
		"k, 9 elements  0.900 (0.890 to 0.910)       1.000 (0.990 to 1.010)       slower by 11.1 %\n")
	a, _ = testApp()
	if err := run(t, a, "check", base, worse, "--tolerance", "20"); err != nil {
		t.Error(err)
	}
	if err := run(t, a, "check", base, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
	if err := run(t, a, "check", base, worse, "--tolerance", "-1"); err == nil || !strings.Contains(err.Error(), "tolerance -1") {
		t.Errorf("error %v, want one about the tolerance", err)
	}
	other := &results.Results{Machine: machine.Machine{CPU: "another"}, Bits: []bits.Agreement{{Kernel: "k", Bits: 1}}}
	theirs := filepath.Join(dir, "other.json")
	if err := other.WriteFile(theirs); err != nil {
		t.Fatal(err)
	}
	if err := run(t, a, "check", base, theirs); err == nil || errors.Is(err, errRegressed) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("error %v, want one about the CPUs that names --force", err)
	}
	a, out = testApp()
	if err := run(t, a, "check", base, theirs, "--force"); !errors.Is(err, errRegressed) {
		t.Errorf("--force: error %v, want errRegressed", err)
	}
	contains(t, out.String(), "Beware: the runs are of different CPUs", "1 bits differ from the reference")
	if err := run(t, a, "check", base); err == nil {
		t.Error("no error for one file")
	}
}
