//go:build !pytorch || !cgo

package pytorch

import (
	"errors"

	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	l.Available = errors.New("pytorch: built without it: install libtorch-dev, then build with cgo and -tags pytorch, under Bazel with --config=pytorch")
}

// Bind returns the error of [Library].
func Bind[T float32 | float64](_, _ []T, _, _, _ int) (run, done func(), err error) {
	return nil, nil, Library().Available
}
