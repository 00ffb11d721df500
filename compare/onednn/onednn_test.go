//go:build onednn && cgo

package onednn

import (
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/bindtest"
)

func TestSoftmax(t *testing.T) { bindtest.Softmax(t, Bind) }

func TestVersion(t *testing.T) {
	if l := Library(); l.Available != nil || strings.Count(l.Version, ".") != 2 {
		t.Errorf("version %q, %v", l.Version, l.Available)
	}
}
