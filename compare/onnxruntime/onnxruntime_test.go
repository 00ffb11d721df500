package onnxruntime

import (
	"os"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/bindtest"
)

// TestUnavailable holds what the package says where there is no library.
func TestUnavailable(t *testing.T) {
	why := Available()
	if why == nil {
		if strings.Count(Version(), ".") != 2 {
			t.Errorf("version %q", Version())
		}
		return
	}
	if !strings.Contains(why.Error(), Library) && !strings.Contains(why.Error(), "build with cgo") || Version() != "" {
		t.Errorf("error %v, want how to have it; version %q", why, Version())
	}
	x := []float32{1}
	if _, _, err := Bind(x, x, 1, 1, 1); err != why {
		t.Errorf("Bind: %v, want %v", err, why)
	}
}

// TestSoftmax fails where the environment names a library that can't be had.
func TestSoftmax(t *testing.T) {
	if err := Available(); err != nil {
		if os.Getenv(Library) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	bindtest.Softmax(t, Bind)
}
