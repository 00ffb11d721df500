// Package onnxruntime is softmax by ONNX Runtime, for comparison with it.
//
// The library is loaded when the program runs, from the file that [Variable] names in
// the environment, else from where the system's loader finds libonnxruntime.so.1. The
// npm package onnxruntime-node has such a file. It builds without the library's header:
// functions are called by their place in the table that the library returns, to which
// new versions only append. Without cgo, and on systems other than Linux and macOS, the
// package compiles, and [Library] says why it computes nothing.
//
// It runs a model of one operator, Softmax of opset 13 over the last axis, on tensors
// that are made once. The session has the number of threads, which do not wait busily
// between calls.
package onnxruntime

import "github.com/twopass-softmax/twopass/compare/speed"

// Variable is the environment variable that names the shared library's file.
const Variable = "TWOPASS_ONNXRUNTIME"

// Library describes ONNX Runtime, and says why it is missing if it is.
func Library() speed.Library {
	l := speed.Library{Name: "ONNX Runtime", Function: "onnxruntime softmax"}
	link(&l)
	return l
}
