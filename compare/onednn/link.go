//go:build onednn && cgo

package onednn

// What the go command links. Bazel leaves this file out: there BUILD.bazel says
// it, and only in the configuration that asks for oneDNN. Debian's package has no
// pkg-config file.

// #cgo LDFLAGS: -ldnnl -lgomp
import "C"
