//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

// Where the go command finds the library. Bazel leaves this file out: there
// the library is a dependency like any other.

// #cgo pkg-config: xnnpack-softmax
import "C"
