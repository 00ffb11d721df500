package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tree is the path of a file of the repository. It begins with this package's folder, and so is not cleaned: before the
// go command takes a test's result from its cache, it looks at those files that the test read in its own module.
func tree(t *testing.T, name string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return here + filepath.FromSlash("/../../"+name)
}

// TestGenerated holds that the tree's files are what the generator writes.
func TestGenerated(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(tree(t, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./native/...", name)
		}
	}
	// Nor does the tree have more of them.
	for _, pattern := range []string{"native/twins/internal/*/*.s", "native/internal/arith/*.s", "native/f64/internal/arith64/*.s"} {
		old, err := filepath.Glob(tree(t, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(old) == 0 {
			t.Errorf("no file is like %s", pattern)
		}
		for _, name := range old {
			if filepath.Base(name) == "best_amd64.s" {
				continue // written by hand
			}
			if rel, err := filepath.Rel(tree(t, ""), name); err != nil || files[filepath.ToSlash(rel)] == nil {
				t.Errorf("%s is no longer generated: remove it", name)
			}
		}
	}
}

// TestLibraryLevels holds that the library's kernels need no instructions beyond their level.
func TestLibraryLevels(t *testing.T) {
	base := []string{"SSE", "SSE2", "CMOV", "MMX+", "AVX"}
	allowed := map[string][]string{
		"avx2":   append(base, "AVX2", "FMA3", "BMI"),
		"avx512": append(base, "AVX2", "FMA3", "BMI", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"),
	}
	for level, sets := range allowed {
		text, err := os.ReadFile(tree(t, "native/internal/arith/"+level+"_amd64.s"))
		if err != nil {
			t.Fatal(err)
		}
		lines := regexp.MustCompile(`(?m)^// Requires: (.*)$`).FindAllSubmatch(text, -1)
		if len(lines) == 0 {
			t.Fatalf("%s: no kernel says what it requires", level)
		}
		for _, l := range lines {
			for _, set := range strings.Split(string(l[1]), ", ") {
				if !slices.Contains(sets, set) {
					t.Errorf("%s: a kernel requires %s", level, set)
				}
			}
		}
	}
}

// TestRegisters holds what no result shows: functions that use vectors wider than SSE's leave the upper halves empty,
// beside which SSE's instructions would be slow, no function touches the frame pointer, and those that store around the
// caches, NT in their names, wait for that, which other goroutines would not see otherwise.
func TestRegisters(t *testing.T) {
	wide, frame, functions := regexp.MustCompile(`\b[YZ]\d`), regexp.MustCompile(`\bBP\b`), 0
	for _, folder := range []string{"native/twins/internal/x86", "native/internal/arith", "native/f64/internal/arith64"} {
		names, err := filepath.Glob(tree(t, folder+"/*_amd64.s"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if frame.Match(text) {
				t.Errorf("%s uses BP", name)
			}
			for _, f := range bytes.Split(text, []byte("\nTEXT "))[1:] {
				functions++
				rets, empty := bytes.Count(f, []byte("\tRET\n")), bytes.Count(f, []byte("\tVZEROUPPER\n\tRET\n"))
				around, stores, fences := bytes.Contains(f[:bytes.IndexByte(f, '(')], []byte("NT")), bytes.Count(f, []byte("\tVMOVNT")), bytes.Count(f, []byte("\tSFENCE\n"))
				if around != (stores > 0) || around && fences != rets {
					t.Errorf("%s: %s has %d stores around the caches and %d fences", name, f[:bytes.IndexByte(f, '(')], stores, fences)
				}
				if rets != empty && wide.Match(f) {
					t.Errorf("%s: %s returns without VZEROUPPER", name, f[:bytes.IndexByte(f, '(')])
				}
			}
		}
	}
	if functions < 100 {
		t.Errorf("found %d functions", functions)
	}
}
