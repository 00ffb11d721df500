//go:build !cgo || (!linux && !darwin)

package onnxruntime

import "errors"

var errUnavailable = errors.New("onnxruntime: built without it: build with cgo, on Linux or macOS")

// Available reports whether the library could be loaded, and why not if it could not.
func Available() error { return errUnavailable }

// Version is the version of the library that the program runs with; it is empty where
// there is none.
func Version() string { return "" }

// Bind returns the error of [Available].
func Bind(_, _ []float32, _, _, _ int) (run, done func(), err error) {
	return nil, nil, errUnavailable
}
