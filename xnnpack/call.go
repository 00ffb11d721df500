//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

// The functions below take a C function as an argument, so that one Go function
// serves a whole family; cgo itself can't call through a C function pointer.
// Results come back by value: a pointer to a Go variable would put it on the
// heap. No kernel calls back into Go nor keeps a pointer.

/*
#include "kernels.h"

#cgo noescape call_rmax
#cgo nocallback call_rmax
#cgo noescape call_raddextexp
#cgo nocallback call_raddextexp
#cgo noescape call_vscaleextexp
#cgo nocallback call_vscaleextexp
#cgo noescape call_raddexpminusmax
#cgo nocallback call_raddexpminusmax
#cgo noescape call_vscaleexpminusmax
#cgo nocallback call_vscaleexpminusmax
#cgo noescape call_raddstoreexpminusmax
#cgo nocallback call_raddstoreexpminusmax
#cgo noescape call_vmulc
#cgo nocallback call_vmulc

struct extended {
	float mantissa, exponent;
};

static inline float call_rmax(xnn_f32_rmax_fn f, size_t size, const float* src) {
	float max;
	f(size, src, &max, NULL);
	return max;
}

static inline struct extended call_raddextexp(xnn_f32_raddextexp_fn f, size_t size, const float* src) {
	float sum[2];
	f(size, src, sum);
	return (struct extended){sum[0], sum[1]};
}

static inline void call_vscaleextexp(xnn_f32_vscaleextexp_fn f, size_t size, const float* src, float* dst, float mantissa, float exponent) {
	f(size, src, dst, mantissa, exponent);
}

static inline float call_raddexpminusmax(xnn_f32_raddexpminusmax_fn f, size_t size, const float* src, float max) {
	float sum;
	f(size, src, &sum, max);
	return sum;
}

static inline void call_vscaleexpminusmax(xnn_f32_vscaleexpminusmax_fn f, size_t size, const float* src, float* dst, float scale, float max) {
	f(size, src, dst, scale, max);
}

static inline float call_raddstoreexpminusmax(xnn_f32_raddstoreexpminusmax_fn f, size_t size, const float* src, float* dst, float max) {
	float sum;
	f(size, src, &max, dst, &sum, NULL);
	return sum;
}

static inline void call_vmulc(xnn_f32_vmulc_fn f, size_t size, const float* src, float* dst, float c) {
	f(size, src, &c, dst, NULL);
}
*/
import "C"

import "unsafe"

// Available reports whether upstream's kernels are linked in, and why not if
// they are not.
func Available() error { return nil }

func size(x []float32) C.size_t { return C.size_t(len(x)) * 4 }

func data(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }

func rmax(f C.xnn_f32_rmax_fn) func([]float32) float32 {
	return func(src []float32) float32 {
		return float32(C.call_rmax(f, size(src), data(src)))
	}
}

func raddextexp(f C.xnn_f32_raddextexp_fn) func([]float32) (float32, float32) {
	return func(src []float32) (mantissa, exponent float32) {
		sum := C.call_raddextexp(f, size(src), data(src))
		return float32(sum.mantissa), float32(sum.exponent)
	}
}

func vscaleextexp(f C.xnn_f32_vscaleextexp_fn) func(dst, src []float32, mantissa, exponent float32) {
	return func(dst, src []float32, mantissa, exponent float32) {
		C.call_vscaleextexp(f, size(src), data(src), data(dst), C.float(mantissa), C.float(exponent))
	}
}

func raddexpminusmax(f C.xnn_f32_raddexpminusmax_fn) func([]float32, float32) float32 {
	return func(src []float32, max float32) float32 {
		return float32(C.call_raddexpminusmax(f, size(src), data(src), C.float(max)))
	}
}

func vscaleexpminusmax(f C.xnn_f32_vscaleexpminusmax_fn) func(dst, src []float32, scale, max float32) {
	return func(dst, src []float32, scale, max float32) {
		C.call_vscaleexpminusmax(f, size(src), data(src), data(dst), C.float(scale), C.float(max))
	}
}

func raddstoreexpminusmax(f C.xnn_f32_raddstoreexpminusmax_fn) func(dst, src []float32, max float32) float32 {
	return func(dst, src []float32, max float32) float32 {
		return float32(C.call_raddstoreexpminusmax(f, size(src), data(src), data(dst), C.float(max)))
	}
}

func vmulc(f C.xnn_f32_vmulc_fn) func(dst, src []float32, c float32) {
	return func(dst, src []float32, c float32) {
		C.call_vmulc(f, size(src), data(src), data(dst), C.float(c))
	}
}
