package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/results"
)

// TestMeasure interrupts a measurement and goes on with it.
func TestMeasure(t *testing.T) {
	a, out := testApp()
	a.json = filepath.Join(t.TempDir(), "all.json")
	bits := part{"bits", []string{"bits", "--lengths", "1..2", "--offsets", "0", "--seeds", "0", "--kernels", "^f32_rmax_ukernel__scalar_u4_acc4$"}}
	speed := part{"kernels", []string{"speed", "--kernels", ".", "--sizes", "64", "--time", "100us"}}
	err := a.measure(context.Background(), []part{bits, {"kernels", []string{"speed", "--sizes", "none"}}})
	if err == nil || !strings.Contains(err.Error(), "kernels: sizes") {
		t.Fatalf("error %v, want one that names the part", err)
	}
	if _, err := os.Stat(a.json); err == nil {
		t.Fatal("there is a file of half of the parts")
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := a.measure(stopped, []part{bits, speed}); err == nil || !strings.Contains(err.Error(), "stopped in part 2 of 2") {
		t.Errorf("error %v, want that it was stopped", err)
	}
	out.Reset()
	if err := a.measure(context.Background(), []part{bits, speed}); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "Part 1 of 2: compare bits --lengths 1..2 --offsets 0 --seeds 0 --kernels ^f32_rmax_ukernel__scalar_u4_acc4$: done earlier",
		"Part 2 of 2: compare speed --kernels . --sizes 64", "Results written to "+a.json)
	r, err := results.Read(a.json)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Bits) != 1 || len(r.Speed) != 3 {
		t.Errorf("%d entries of bits, %d of speed, want 1 and 3", len(r.Bits), len(r.Speed))
	}
	if entries, _ := os.ReadDir(filepath.Dir(a.json)); len(entries) != 1 {
		t.Errorf("%v are left beside the results", entries)
	}
	a.json = ""
	if err := a.measure(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "--json FILE is needed") {
		t.Errorf("without a file: error %v", err)
	}
}

// TestMeasureBeyond holds that the flag reaches the parts that have it, and that
// those are others than without it.
func TestMeasureBeyond(t *testing.T) {
	for i, p := range withBeyond(allParts, "2^20") {
		want := append(allParts[i].args[:len(allParts[i].args):len(allParts[i].args)], "--beyond", "2^20")
		if allParts[i].args[0] != "speed" {
			want = allParts[i].args
		}
		if !slices.Equal(p.args, want) {
			t.Errorf("part %s: %v, want %v", p.name, p.args, want)
		}
	}
	if slices.ContainsFunc(allParts, func(p part) bool { return slices.Contains(p.args, "--beyond") }) {
		t.Error("the parts themselves were changed")
	}
}

// TestParts holds that every part is a command that exists, with flags that it
// knows.
func TestParts(t *testing.T) {
	for _, p := range withBeyond(allParts, "2^20") {
		a, _ := testApp()
		cmd, rest, err := a.root().Find(p.args)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || cmd.Name() != p.args[0] {
			t.Errorf("part %s: %v", p.name, err)
		}
	}
}
