//go:build !operator || !cgo || !(amd64 || arm64)

package operator

import (
	"errors"
	"time"
)

var errUnavailable = errors.New("operator: built without it: Bazel builds it, as in tools/bazel run //:compare")

// Available reports whether the operator is linked in, and why not if it is not.
func Available() error { return errUnavailable }

// Version names upstream's commit and that of pthreadpool; it is empty where there is no
// operator.
func Version() string { return "" }

// Bind returns the error of [Available].
func Bind(_, _ []float32, _, _, _ int) (run, done func(), err error) {
	return nil, nil, errUnavailable
}

// BindLoop returns the error of [Available].
func BindLoop(_, _ []float32, _, _, _ int) (loop func(times int) time.Duration, done func(), err error) {
	return nil, nil, errUnavailable
}
