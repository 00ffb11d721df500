// Package pytorch is softmax by PyTorch's library, libtorch, for comparison with it.
//
// It is linked in with cgo and -tags pytorch, and under Bazel with --config=pytorch;
// both need the library and its headers, which Debian has in libtorch-dev. CGO_CXXFLAGS and
// CGO_LDFLAGS name other places. Without the tag the package compiles, and [Available]
// says why it computes nothing.
//
// It calls the operator behind torch.softmax in inference mode, on an output and
// tensors that are made once.
package pytorch
