//go:build cgo

package cloop

/*
#cgo CFLAGS: -O3 -fopenmp-simd
#cgo LDFLAGS: -lm

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

// A sum in order is a chain of additions. With simd the compiler may add in any order.
INLINE float dot(const float *y, const float *dy, size_t n, int simd) {
	float sum = 0;
	if (simd) {
#pragma omp simd reduction(+ : sum)
		for (size_t j = 0; j < n; j++) sum += y ? y[j] * dy[j] : dy[j];
	} else
		for (size_t j = 0; j < n; j++) sum += y ? y[j] * dy[j] : dy[j];
	return sum;
}

INLINE void softmax_grad(float *restrict dst, const float *restrict y, const float *restrict dy, size_t n, int simd) {
	const float sum = dot(y, dy, n, simd);
	for (size_t j = 0; j < n; j++) dst[j] = y[j] * (dy[j] - sum);
}

INLINE void log_softmax_grad(float *restrict dst, const float *restrict y, const float *restrict dy, size_t n, int simd) {
	const float sum = dot(NULL, dy, n, simd);
	for (size_t j = 0; j < n; j++) dst[j] = dy[j] - expf(y[j]) * sum;
}

// The same loads and stores in the same order.
INLINE void traffic(uint32_t *restrict dst, const uint32_t *restrict y, const uint32_t *restrict dy, size_t n, int log) {
	uint32_t seen = 0;
	for (size_t j = 0; j < n; j++) seen ^= log ? dy[j] : y[j] ^ dy[j];
	__asm__ volatile("" : : "r"(seen));
	for (size_t j = 0; j < n; j++) dst[j] = y[j] ^ dy[j];
}

enum { SOFTMAX, LOG_SOFTMAX, SIMD = 2, TRAFFIC = 4 };

#define LEVEL(name, target) \
	target static void name(int what, float *dst, const float *y, const float *dy, size_t rows, size_t cols) { \
		for (; rows != 0; rows--, dst += cols, y += cols, dy += cols) \
			switch (what) { \
			case SOFTMAX: softmax_grad(dst, y, dy, cols, 0); break; \
			case SOFTMAX | SIMD: softmax_grad(dst, y, dy, cols, 1); break; \
			case LOG_SOFTMAX: log_softmax_grad(dst, y, dy, cols, 0); break; \
			case LOG_SOFTMAX | SIMD: log_softmax_grad(dst, y, dy, cols, 1); break; \
			default: traffic((uint32_t *) dst, (const uint32_t *) y, (const uint32_t *) dy, cols, what & LOG_SOFTMAX); \
			} \
	}

LEVEL(base, )
#ifdef __x86_64__
LEVEL(avx2, __attribute__((target("avx2,fma"))))
LEVEL(avx512, __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw"))))
#else
#define avx2 base
#define avx512 base
#endif

static void run(int level, int what, float *dst, const float *y, const float *dy, size_t rows, size_t cols, size_t times) {
	for (; times != 0; times--) (level == 2 ? avx512 : level == 1 ? avx2 : base)(what, dst, y, dy, rows, cols);
}

#ifdef __clang__
static const char *compiler(void) { return __VERSION__; }
#else
static const char *compiler(void) { return "gcc " __VERSION__; }
#endif
*/
import "C"

import (
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Compiler is the one that made the loops, and Level the instructions that they use; they are empty without cgo.
func Compiler() string { return C.GoString(C.compiler()) }

func Level() string { return [...]string{"any CPU's", "AVX2", "AVX-512"}[level()] }

func level() C.int {
	switch {
	case ukernel.AVX512SKX.Supported():
		return 2
	case ukernel.AVX2.Supported():
		return 1
	}
	return 0
}

// Run runs a loop over all rows, which have cols elements and no gaps between them, a number of times.
func Run(l Loop, dst, y, dy []float32, cols, times int) {
	C.run(level(), C.int(l), data(dst), data(y), data(dy), C.size_t(len(dst)/cols), C.size_t(cols), C.size_t(times))
}

func data(s []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(s))) }
