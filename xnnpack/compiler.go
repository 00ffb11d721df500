//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
#include "kernels.h"

// In the library (third_party/xnnpack/compiler.c), since cgo's compiler may be
// another than the one that made the kernels.
extern const char xnn_softmax_compiler[];
static inline const char* compiler_name(void) { return xnn_softmax_compiler; }

extern const char xnn_softmax_missing[];
static inline const char* missing_kernels(void) { return xnn_softmax_missing; }

static inline int in_out_max(void) {
	const float one = 1;
	float max = 2;
	xnn_f32_rmax_ukernel__scalar_u1(sizeof one, &one, &max, NULL);
	return max == 2;
}
*/
import "C"

var (
	compiler    = C.GoString(C.compiler_name())
	missingText = C.GoString(C.missing_kernels())
	inOutMax    = C.in_out_max() != 0
)
