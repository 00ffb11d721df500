//go:build !pytorch || !cgo

package pytorch

import "errors"

var errUnavailable = errors.New("pytorch: built without it: install libtorch-dev, then build with cgo and -tags pytorch, under Bazel with --config=pytorch")

// Available reports whether libtorch is linked in, and why not if it is not.
func Available() error { return errUnavailable }

// Version is the version of the library that the program runs with, such as
// "1.13.0"; it is empty where there is none.
func Version() string { return "" }

// Bind returns the error of [Available].
func Bind[T float32 | float64](_, _ []T, _, _, _ int) (run, done func(), err error) {
	return nil, nil, errUnavailable
}
