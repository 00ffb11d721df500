//go:build !operator || !cgo || !(amd64 || arm64)

package operator

import (
	"errors"

	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	l.Available = errors.New("operator: built without it: Bazel builds it, as in tools/bazel run //:compare")
}
