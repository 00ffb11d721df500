//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
#ifdef __clang__
static const char compiler[] = __VERSION__;
#else
static const char compiler[] = "gcc " __VERSION__;
#endif
static inline const char* compiler_name(void) { return compiler; }
*/
import "C"

var compiler = C.GoString(C.compiler_name())
