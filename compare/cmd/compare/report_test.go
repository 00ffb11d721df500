package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportCommand(t *testing.T) {
	dir := t.TempDir()
	results, out := filepath.Join(dir, "r.json"), filepath.Join(dir, "report")
	a, _ := testApp()
	a.json = results
	if err := a.summary(context.Background(), testOptions()); err != nil {
		t.Fatal(err)
	}
	a, text := testApp()
	if err := run(t, a, "report", results, "-o", out); err != nil {
		t.Fatal(err)
	}
	contains(t, text.String(), "Report written to "+filepath.Join(out, "index.html"))
	page, err := os.ReadFile(filepath.Join(out, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(page), "3 kernels compared with upstream", storeName[:12])

	for _, c := range []struct {
		want string
		args []string
	}{
		{"report needs a file", []string{"-o", out}},
		{`required flag(s) "output"`, []string{results}},
		{"this command measures nothing", []string{results, "-o", out, "--json", results}},
		{"no such file", []string{filepath.Join(dir, "none.json"), "-o", out}},
		{"its schema is", []string{filepath.Join(dir, "other.json"), "-o", out}},
	} {
		if err := os.WriteFile(filepath.Join(dir, "other.json"), []byte(`{"schema": "x"}`), 0o666); err != nil {
			t.Fatal(err)
		}
		a, _ := testApp()
		if err := run(t, a, append([]string{"report"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.args, err, c.want)
		}
	}
}
