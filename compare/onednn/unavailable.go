//go:build !onednn || !cgo

package onednn

import "errors"

var errUnavailable = errors.New("onednn: built without it: install libdnnl-dev, then build with cgo and -tags onednn, under Bazel with --config=onednn")

// Available reports whether oneDNN is linked in, and why not if it is not.
func Available() error { return errUnavailable }

// Version is the version of the library that the program runs with, such as
// "2.6.3"; it is empty where there is none.
func Version() string { return "" }

// Bind returns the error of [Available].
func Bind(_, _ []float32, _, _, _ int) (run, done func(), err error) {
	return nil, nil, errUnavailable
}
