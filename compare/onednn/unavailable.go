//go:build !onednn || !cgo

package onednn

import "errors"

var errUnavailable = errors.New("onednn: built without it: install libdnnl-dev, then build with cgo and -tags onednn, under Bazel with --config=onednn")

// Available reports whether oneDNN is linked in, and why not if it is not.
func Available() error { return errUnavailable }

// Version is the version of the library that the program runs with, such as
// "2.6.3"; it is empty where there is none.
func Version() string { return "" }

// Softmax is the softmax of rows of one shape. There is none in this build.
type Softmax struct{}

// New returns the error of [Available]. It panics unless rows, cols and threads
// are at least 1 and both slices hold rows*cols elements.
func New(dst, src []float32, rows, cols, threads int) (*Softmax, error) {
	check(dst, src, rows, cols, threads)
	return nil, errUnavailable
}

// Run panics: New makes nothing that could run.
func (s *Softmax) Run() { panic(errUnavailable.Error()) }

// Close does nothing.
func (s *Softmax) Close() {}
