//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "kernels.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#cgo noescape softmax_nc_f32
#cgo nocallback softmax_nc_f32
#cgo noescape softmax_nc_f16
#cgo nocallback softmax_nc_f16
#cgo noescape softmax_nc_qu8
#cgo nocallback softmax_nc_qu8

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

// Conversions as upstream has them, which no setting of denormals changes.

static float half_to_float(uint16_t h) {
	const uint32_t sign = (uint32_t) (h >> 15) << 31, mantissa = h & 0x3ff;
	uint32_t exponent = h >> 10 & 0x1f, bits;
	float x;
	if (exponent == 0) {
		x = (float) mantissa * 0x1p-24f;
		return sign != 0 ? -x : x;
	}
	exponent += exponent == 0x1f ? 0xe0 : 112;
	bits = sign | exponent << 23 | mantissa << 13;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static uint16_t float_to_half(float x) {
	uint32_t b;
	memcpy(&b, &x, sizeof b);
	const uint16_t sign = b >> 16 & 0x8000;
	b &= 0x7fffffff;
	if (b > 0x7f800000) {
		return sign | 0x7e00;
	}
	if (b >= 0x477ff000) {
		return sign | 0x7c00;
	}
	if (b < 0x33000000) { // less than half of the smallest number
		return sign;
	}
	if (b < 0x38800000) { // a denormal, which adding 1/2 rounds
		float y;
		memcpy(&y, &b, sizeof y);
		y += 0.5f;
		memcpy(&b, &y, sizeof b);
		return sign | (b - 0x3f000000);
	}
	b += 0xfff + (b >> 13 & 1);
	return sign | (b - ((uint32_t) 112 << 23)) >> 13;
}

static void rows_f16(xnn_f16_rmax_fn rmax, xnn_f16_raddstoreexpminusmax_fn exp, xnn_f16_vmulc_fn mul,
		size_t rows, size_t size, const char* x, size_t x_stride, char* y, size_t y_stride) {
	for (; rows != 0; rows--, x += x_stride, y += y_stride) {
		uint16_t max = 0xfc00, sum, scale;
		rmax(size, (const uint16_t*) x, &max, NULL);
		exp(size, (const uint16_t*) x, &max, (uint16_t*) y, &sum, NULL);
		scale = float_to_half(1.0f / half_to_float(sum));
		mul(size, (const uint16_t*) y, &scale, (uint16_t*) y, NULL);
	}
}

static void softmax_nc_f16(xnn_f16_rmax_fn rmax, xnn_f16_raddstoreexpminusmax_fn exp, xnn_f16_vmulc_fn mul,
		size_t rows, size_t size, const void* x, size_t x_stride, void* y, size_t y_stride) {
	const uint64_t before = denormals_off();
	rows_f16(rmax, exp, mul, rows, size, x, x_stride, y, y_stride);
	restore_denormals(before);
}

// softmax_nc_qu8 returns the number of rows done: fewer if the exponentials of one have
// a sum of 0. There is nothing in it that denormals could change.
static size_t softmax_nc_qu8(xnn_u8_rmax_fn rmax, xnn_u8_lut32norm_fn norm, const uint32_t* table,
		size_t rows, size_t size, const uint8_t* x, size_t x_stride, uint8_t* y, size_t y_stride) {
	const int wraps = (uint64_t) size * table[255] > UINT32_MAX;
	for (size_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
		uint8_t max = 0;
		rmax(size, x, &max, NULL);
		const uint32_t* t = table + (255 - max);
		if (wraps) {
			uint32_t sum = 0;
			for (size_t i = 0; i < size; i++) {
				sum += t[x[i]];
			}
			if (sum == 0) {
				return row;
			}
		}
		norm(size, x, t, y);
	}
	return rows;
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

func softmaxNCF16(p passes, dst, src []uint16, rows, cols, dstStride, srcStride int) {
	C.softmax_nc_f16(C.xnn_f16_rmax_fn(p[0]), C.xnn_f16_raddstoreexpminusmax_fn(p[1]), C.xnn_f16_vmulc_fn(p[2]),
		C.size_t(rows), C.size_t(cols)*2, unsafe.Pointer(unsafe.SliceData(src)), C.size_t(srcStride)*2,
		unsafe.Pointer(unsafe.SliceData(dst)), C.size_t(dstStride)*2)
}

func softmaxNCQU8(p passes, table *[256]uint32, dst, src []uint8, rows, cols, dstStride, srcStride int) (done int) {
	return int(C.softmax_nc_qu8(C.xnn_u8_rmax_fn(p[0]), C.xnn_u8_lut32norm_fn(p[1]), (*C.uint32_t)(&table[0]),
		C.size_t(rows), C.size_t(cols), data8(src), C.size_t(srcStride), data8(dst), C.size_t(dstStride)))
}
