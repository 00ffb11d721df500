// Package pytorch is softmax by PyTorch's library, libtorch, for comparison with it.
//
// It is linked in with cgo and -tags pytorch, and under Bazel with --config=pytorch;
// both need the library and its headers, which Debian has in libtorch-dev. Where they
// are elsewhere, CGO_CXXFLAGS and CGO_LDFLAGS say so. Otherwise the package compiles
// all the same, and [Available] says why there is nothing in it.
//
// What is called is the operator behind torch.softmax with an output that is there,
// in inference mode, on tensors that are made once.
package pytorch
