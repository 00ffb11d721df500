package main

import (
	"bytes"
	"os"
	"path/filepath"
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
	for _, b := range backends {
		old, err := filepath.Glob(filepath.Join("..", "..", "native", "twins", "internal", b.pkg, "*_"+b.arch+".s"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range old {
			if files["native/twins/internal/"+b.pkg+"/"+filepath.Base(name)] == nil {
				t.Errorf("%s is no longer generated: remove it", name)
			}
		}
	}
}
