//go:build xnnpack

package dependency

import "testing"

// TestXNNPACK: with the tag, cgo, and the library that pkg-config finds, the
// program computes with upstream's kernels.
func TestXNNPACK(t *testing.T) {
	dir, env := moduleConsumer(t)
	got := output(t, dir, append(env, "CGO_ENABLED=1"), "go", "run", "-tags", "xnnpack", ".")
	if want := printsNative + printsXNNPACK; got != want {
		t.Errorf("the program printed\n%s\nwant\n%s", got, want)
	}
}
