//go:build !operator || !cgo || !(amd64 || arm64)

package operator

import (
	"strings"
	"testing"
)

// TestUnavailable holds what is left of the package without the operator.
func TestUnavailable(t *testing.T) {
	why := Available()
	if why == nil || !strings.Contains(why.Error(), "tools/bazel") || Version() != "" {
		t.Fatalf("error %v, want how to have it; version %q", why, Version())
	}
	x := []float32{1}
	if _, _, err := Bind(x, x, 1, 1, 1); err != why {
		t.Errorf("Bind: %v, want %v", err, why)
	}
}
