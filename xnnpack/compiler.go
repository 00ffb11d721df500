//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
// In the library (third_party/xnnpack/compiler.c), since cgo's compiler may be
// another than the one that made the kernels.
extern const char xnn_softmax_compiler[];
static inline const char* compiler_name(void) { return xnn_softmax_compiler; }
*/
import "C"

var compiler = C.GoString(C.compiler_name())
