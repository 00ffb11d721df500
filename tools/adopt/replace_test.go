package main

import (
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const old = `// Package p is made up.
package p

import (
	"fmt"
	m "math"
	"math/rand/v2"
	"slices"
)

type dense[T any] struct{ x []T }

// softmax goes.
func (d *dense[T]) softmax() float64 {
	return m.Exp(0)
}

// softmax stays: it has no receiver.
func softmax() { fmt.Println(slices.Max([]float64{rand.Float64()})) }

func (other) softmax() {}

type other struct{}
`

const short = `// Package p is made up.
package p

import (
	"fmt"

	"math/rand/v2"
	"slices"
)

type dense[T any] struct{ x []T }

// softmax stays: it has no receiver.
func softmax() { fmt.Println(slices.Max([]float64{rand.Float64()})) }

func (other) softmax() {}

type other struct{}
`

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("old.go", old)
	write("old_test.go", old)
	removed, err := replace(filepath.Join(dir, "new.go"), []byte("package p\n\nfunc (d *dense[T]) softmax() float64 { return 1 }\n"))
	if err != nil || removed != 4 {
		t.Errorf("%d lines of code removed, %v; want 4", removed, err)
	}
	for name, want := range map[string]string{"old.go": short, "old_test.go": old} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if collapse(string(got)) != collapse(want) {
			t.Errorf("%s is now\n%s\n%v", name, got, err)
		}
	}
	if _, err := replace(filepath.Join(dir, "new.go"), []byte("no Go")); err == nil {
		t.Error("no error for a file that is no Go")
	}
}

// collapse leaves out empty lines.
func collapse(text string) string { return strings.ReplaceAll(text, "\n\n", "\n") }

// TestFiles holds that every project has files, that they are Go, and that each project's own are
// those of a project.
func TestFiles(t *testing.T) {
	found := make(map[string]int)
	err := fs.WalkDir(files, "projects", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.Split(file, "/")[1]
		if projects[name].module == "" || !strings.HasSuffix(file, ".go.txt") {
			t.Errorf("%s is of no project, or no Go file", file)
		}
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		if _, err := parser.ParseFile(token.NewFileSet(), file, text, 0); err != nil {
			t.Error(err)
		}
		if strings.Contains(file, "/after/") {
			found[name]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range projects {
		if found[name] == 0 {
			t.Errorf("%s has no file that takes the place of anything", name)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		names  []string
		rounds int
		text   string
	}{
		{nil, 1, "no project given, there are hugot, ollama"},
		{[]string{"pytorch"}, 1, `project "pytorch" is unknown, there are hugot`},
		{[]string{"hugot"}, 0, "0 rounds, there must be at least 1"},
	} {
		if err := run(io.Discard, t.TempDir(), c.names, c.rounds, time.Second); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, %d rounds: error %v, want %q", c.names, c.rounds, err, c.text)
		}
	}
}

func TestMedian(t *testing.T) {
	if a, b := median([]float64{9, 1, 2}), median([]float64{4, 1, 2, 9}); a != 2 || b != 3 {
		t.Errorf("medians are %v and %v, want 2 and 3", a, b)
	}
}
