//go:build !onednn || !cgo

package onednn

import (
	"errors"

	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	l.Available = errors.New("onednn: built without it: install libdnnl-dev, then build with cgo and -tags onednn, under Bazel with --config=onednn")
}
