package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/results"
)

func TestAccuracy(t *testing.T) {
	a, out := testApp()
	json := filepath.Join(t.TempDir(), "accuracy.json")
	if err := run(t, a, "accuracy", "--sizes", "16,2^6", "--outputs", "200", "--classes", "normal,masked", "--json", json); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "native.LogSumExp", "native three-pass-reload", "upstream three-pass-reload", "normal ", "masked ", "two-pass: not run")
	r, err := results.Read(json)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range r.Accuracy {
		if !strings.HasPrefix(m.Name, "native.") || m.Outputs == 0 {
			continue
		}
		found++
		// What native's own tests hold it to is stricter.
		if m.NaNs > 0 || m.MaxULP > 64 || m.MeanULP > m.MaxULP {
			t.Errorf("%+v", m)
		}
	}
	if found != 12 {
		t.Errorf("%d results of native's three functions, two classes and two lengths", found)
	}
}

func TestAccuracyFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--sizes x", `sizes: "x" is not a length`},
		{"--classes x", `"x" is not a class`},
		{"--outputs 0", "0 outputs"},
		{"--workers 0", "0 workers"},
		{"--search -1s", "--search: -1s is less than no time"},
		{"--search 1s --sizes 4", "search"},
		{"--search 1s --json x", "--json: a search is not recorded"},
	} {
		a, _ := testApp()
		if err := run(t, a, append([]string{"accuracy"}, strings.Fields(c.args)...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("accuracy %s: error %v, want %q", c.args, err, c.want)
		}
	}
}

func TestAccuracySearch(t *testing.T) {
	a, out := testApp()
	if err := run(t, a, "accuracy", "--search", "5ms"); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "largest error found * 2^-24", "native.Softmax", "upstream three-pass-reload")
	narrow(t, out.String())
}
