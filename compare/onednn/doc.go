// Package onednn is softmax by oneDNN, Intel's deep learning library, for
// comparison with it.
//
// It is linked in with cgo and -tags onednn, and under Bazel with
// --config=onednn; both need the library and its headers, which Debian has in
// libdnnl-dev. Versions 2 and 3 are supported. Otherwise the package compiles, and
// [Available] says why it computes nothing.
//
// Debian's build of the library runs on OpenMP. Each run sets the number of OpenMP's
// threads, so that no environment variable changes it.
package onednn
