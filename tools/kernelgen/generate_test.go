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

// TestGenerated holds that the tree's files are what the generator writes.
func TestGenerated(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./native/...", name)
		}
	}
	// Nor does the tree have more of them.
	for _, pattern := range []string{"native/twins/internal/*/*.s", "native/internal/arith/*.s", "native/f64/internal/arith64/*.s"} {
		old, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
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
			if rel, err := filepath.Rel(filepath.Join("..", ".."), name); err != nil || files[filepath.ToSlash(rel)] == nil {
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
		text, err := os.ReadFile(filepath.Join("..", "..", "native", "internal", "arith", level+"_amd64.s"))
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
