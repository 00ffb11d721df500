//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
#include <math.h>
#include <stdint.h>
#include "kernels.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#cgo noescape softmax_nc_f32
#cgo nocallback softmax_nc_f32

// Upstream's operators run with PTHREADPOOL_FLAG_DISABLE_DENORMALS.

// denormals_off returns what restore_denormals gives back to the thread.
static inline uint64_t denormals_off(void) {
#if defined(__x86_64__)
	const unsigned before = _mm_getcsr();
	_mm_setcsr(before | 0x8040); // FTZ and DAZ
#else
	uint64_t before;
	__asm__ volatile("mrs %0, fpcr" : "=r"(before));
	const uint64_t after = before | 0x1080000; // FZ and FZ16
	__asm__ volatile("msr fpcr, %0" : : "r"(after) : "memory");
#endif
	return before;
}

static inline void restore_denormals(uint64_t before) {
#if defined(__x86_64__)
	_mm_setcsr((unsigned) before);
#else
	__asm__ volatile("msr fpcr, %0" : : "r"(before) : "memory");
#endif
}

// The loops over rows have no call of the two above, so that they may return from anywhere.

// Sizes and strides are in bytes.
static void rows_f32(xnn_f32_rmax_fn rmax, xnn_f32_raddstoreexpminusmax_fn exp, xnn_f32_vmulc_fn mul,
		size_t rows, size_t size, const char* x, size_t x_stride, char* y, size_t y_stride) {
	for (; rows != 0; rows--, x += x_stride, y += y_stride) {
		float max = -INFINITY, sum, scale;
		rmax(size, (const float*) x, &max, NULL);
		exp(size, (const float*) x, &max, (float*) y, &sum, NULL);
		scale = 1.0f / sum;
		mul(size, (const float*) y, &scale, (float*) y, NULL);
	}
}

static void softmax_nc_f32(xnn_f32_rmax_fn rmax, xnn_f32_raddstoreexpminusmax_fn exp, xnn_f32_vmulc_fn mul,
		size_t rows, size_t size, const void* x, size_t x_stride, void* y, size_t y_stride) {
	const uint64_t before = denormals_off();
	rows_f32(rmax, exp, mul, rows, size, x, x_stride, y, y_stride);
	restore_denormals(before);
}
*/
import "C"

import "unsafe"

// symbol is the address of a C function.
type symbol unsafe.Pointer

func softmaxNCF32(p passes, dst, src []float32, rows, cols, dstStride, srcStride int) {
	C.softmax_nc_f32(C.xnn_f32_rmax_fn(p[0]), C.xnn_f32_raddstoreexpminusmax_fn(p[1]), C.xnn_f32_vmulc_fn(p[2]),
		C.size_t(rows), C.size_t(cols)*4, unsafe.Pointer(unsafe.SliceData(src)), C.size_t(srcStride)*4,
		unsafe.Pointer(unsafe.SliceData(dst)), C.size_t(dstStride)*4)
}
