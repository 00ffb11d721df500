//go:build xnnpack

package dependency

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestXNNPACK: with the tag, cgo, and the library that pkg-config finds, the
// program computes with upstream's kernels.
func TestXNNPACK(t *testing.T) {
	dir, env := moduleConsumer(t)
	libdir := strings.TrimSpace(output(t, dir, nil, "pkg-config", "--variable=libdir", "xnnpack-softmax"))
	library, err := os.ReadFile(filepath.Join(libdir, "libxnnpack-softmax.a"))
	if err != nil {
		t.Fatal(err)
	}
	// The go command's cache does not notice that a library has changed, or moved,
	// but that a C flag has.
	env = append(env, "CGO_ENABLED=1", fmt.Sprintf("CGO_CPPFLAGS=-DLIBRARY_%x", sha256.Sum256(append(library, libdir...))))
	got := output(t, dir, env, "go", "run", "-tags", "xnnpack", ".")
	if want := printsNative + printsXNNPACK; got != want {
		t.Errorf("the program printed\n%s\nwant\n%s", got, want)
	}
}
