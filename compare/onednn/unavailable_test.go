//go:build !onednn || !cgo

package onednn

import (
	"strings"
	"testing"
)

// TestUnavailable holds what is left of the package without the library.
func TestUnavailable(t *testing.T) {
	why := Available()
	if why == nil || !strings.Contains(why.Error(), "-tags onednn") || Version() != "" {
		t.Fatalf("error %v, want how to have it; version %q", why, Version())
	}
	x := []float32{1}
	if s, err := New(x, x, 1, 1, 1); s != nil || err != why {
		t.Errorf("New: %v, %v, want %v", s, err, why)
	}
}
