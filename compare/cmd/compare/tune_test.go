package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
)

func TestTune(t *testing.T) {
	a, out := testApp()
	json := filepath.Join(t.TempDir(), "tune.json")
	if err := run(t, a, "tune", "--sizes", "16,64", "--threads", "1", "--time", "1ms", "--json", json); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), maxName, storeName, mulName, "only one", "1 thread", "auto to fastest", "recompute", "of the time of the best")
	r, err := results.Read(json)
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

func TestGroups(t *testing.T) {
	native := side.Native().Kernels
	total := 0
	for _, g := range groups(native) {
		total += len(g)
		for _, k := range g {
			if k.Family != g[0].Family || k.ISA != g[0].ISA || k.Variant != g[0].Variant || !k.ISA.Supported() {
				t.Errorf("%s is in one group with %s", k, g[0])
			}
		}
	}
	want := 0
	for _, k := range native {
		if k.ISA.Supported() {
			want++
		}
	}
	if total != want {
		t.Errorf("%d kernels in groups, want %d", total, want)
	}
}

func TestChooseAuto(t *testing.T) {
	lengths := []int{10, 100, 1000, 10000}
	store := []float64{1, 1, 1, 4}
	// From 100 or from 10,000 loses a factor of 2 at 1,000 or nothing.
	if from, ratio := chooseAuto(lengths, store, []float64{2, 1, 2, 1}); from != 10000 || ratio != 1 {
		t.Errorf("from %d, ratio %v", from, ratio)
	}
	// From 100 loses 1.5 at 1,000, from 10,000 loses 2 at 100.
	if from, ratio := chooseAuto(lengths, store, []float64{2, 0.5, 1.5, 1}); from != 100 || math.Abs(ratio-math.Pow(1.5, 0.25)) > 1e-12 {
		t.Errorf("from %d, ratio %v", from, ratio)
	}
	if from, ratio := chooseAuto(lengths, store, []float64{2, 2, 3, 5}); from != 0 || ratio != 1 {
		t.Errorf("from %d, ratio %v, want 0 for all", from, ratio)
	}
	if from, ratio := chooseAuto(lengths, store, []float64{0.5, 0.5, 0.5, 3}); from != 10 || ratio != 1 {
		t.Errorf("from %d, ratio %v, want 10", from, ratio)
	}
}
