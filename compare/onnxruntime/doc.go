// Package onnxruntime is softmax by ONNX Runtime, for comparison with it.
//
// The library is loaded when the program runs, from the file that [Library] names in
// the environment, else from where the system's loader finds libonnxruntime.so.1. The
// npm package onnxruntime-node has such a file. No header is needed to build: the
// functions that are called are declared here by their place in the table that the
// library hands out, and its interface appends to that table and never reorders it.
// Without cgo, and on other systems than Linux and macOS, the package compiles all the
// same, and [Available] says why there is nothing in it.
//
// What is run is a model of one operator, Softmax of opset 13 over the last axis, on
// tensors that are made once. The number of threads is that of the session; they do
// not wait busily for the next call.
package onnxruntime

// Library is the environment variable that names the shared library's file.
const Library = "TWOPASS_ONNXRUNTIME"
