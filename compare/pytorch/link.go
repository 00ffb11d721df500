//go:build pytorch && cgo

package pytorch

// What the go command links. Bazel leaves this file out: there BUILD.bazel says
// it, and only in the configuration that asks for PyTorch.

// #cgo LDFLAGS: -ltorch_cpu -lc10
import "C"
