//go:build !cgo || (!linux && !darwin)

package onnxruntime

import (
	"errors"

	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	l.Available = errors.New("onnxruntime: built without it: build with cgo, on Linux or macOS")
}
