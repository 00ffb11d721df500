// Package onednn is softmax by oneDNN, Intel's deep learning library, for
// comparison with it.
//
// It is linked in with cgo and -tags onednn, and under Bazel with
// --config=onednn; both need the library and its headers, which Debian has in
// libdnnl-dev. Versions 2 and 3 will do. Otherwise the package compiles all the
// same, and [Available] says why there is nothing in it.
//
// Debian's build of the library runs on OpenMP. What [Bind] returns sets the
// number of its threads each time, so that no environment variable changes it.
package onednn
