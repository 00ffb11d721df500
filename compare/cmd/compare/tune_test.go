package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare"
)

func TestTune(t *testing.T) {
	a, out := testApp()
	json := filepath.Join(t.TempDir(), "tune.json")
	if err := run(t, a, "tune", "--sizes", "16,64", "--threads", "1", "--time", "1ms", "--json", json); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), maxName, storeName, mulName, "only one", "1 thread", "auto to fastest", "recompute", "of the time of the best")
	r, err := compare.ReadFile(json)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Choices) != 3 || len(r.Speed) != 6 || len(r.Auto) != 1 || !(r.Auto[0].Ratio >= 1) {
		t.Errorf("%d choices, %d timings and %+v for Auto, want 3, 6 and one", len(r.Choices), len(r.Speed), r.Auto)
	}
	a, _ = testApp()
	for flags, want := range map[string]string{"--sizes x": "sizes: ", "--threads 0": "threads: ", "--kernels (": "missing closing"} {
		if err := run(t, a, append([]string{"tune"}, strings.Fields(flags)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tune %s: error %v, want %q", flags, err, want)
		}
	}
}
