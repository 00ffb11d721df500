package onnxruntime

import (
	"os"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/bindtest"
)

func TestVersion(t *testing.T) {
	if l := Library(); l.Available == nil && strings.Count(l.Version, ".") != 2 {
		t.Errorf("version %q", l.Version)
	}
}

// TestSoftmax fails where the environment names a library that can't be had.
func TestSoftmax(t *testing.T) {
	if err := Library().Available; err != nil {
		if os.Getenv(Variable) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	bindtest.Softmax(t, Library().Bind)
}
