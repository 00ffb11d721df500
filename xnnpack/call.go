//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

// The functions below take a C function as an argument, so that one of them
// serves a whole family; cgo itself can't call through a C function pointer.
// Results come back by value: a pointer to a Go variable would put it on the
// heap. No kernel calls back into Go nor keeps a pointer.

/*
#include <math.h>
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
#cgo noescape call_f16rmax
#cgo nocallback call_f16rmax
#cgo noescape call_f16raddstoreexpminusmax
#cgo nocallback call_f16raddstoreexpminusmax
#cgo noescape call_f16vmulc
#cgo nocallback call_f16vmulc
#cgo noescape call_u8rmax
#cgo nocallback call_u8rmax
#cgo noescape call_u8lut32norm
#cgo nocallback call_u8lut32norm

struct extended {
	float mantissa, exponent;
};

static inline float call_rmax(xnn_f32_rmax_fn f, size_t size, const float* src) {
	float max = -INFINITY; // since 2025 upstream's kernels begin with it
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

static inline uint16_t call_f16rmax(xnn_f16_rmax_fn f, size_t size, const uint16_t* src) {
	uint16_t max = 0xfc00;
	f(size, src, &max, NULL);
	return max;
}

static inline uint16_t call_f16raddstoreexpminusmax(xnn_f16_raddstoreexpminusmax_fn f, size_t size, const uint16_t* src, uint16_t* dst, uint16_t max) {
	uint16_t sum;
	f(size, src, &max, dst, &sum, NULL);
	return sum;
}

static inline void call_f16vmulc(xnn_f16_vmulc_fn f, size_t size, const uint16_t* src, uint16_t* dst, uint16_t c) {
	f(size, src, &c, dst, NULL);
}

static inline uint8_t call_u8rmax(xnn_u8_rmax_fn f, size_t size, const uint8_t* src) {
	uint8_t max = 0;
	f(size, src, &max, NULL);
	return max;
}

static inline void call_u8lut32norm(xnn_u8_lut32norm_fn f, size_t size, const uint8_t* src, const uint32_t* table, uint8_t* dst) {
	f(size, src, table, dst);
}
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Available reports whether upstream's kernels are linked in, and why not if
// they are not.
func Available() error { return nil }

// linkedKernel is a kernel that was declared when this package was built.
type linkedKernel struct {
	name   string
	symbol symbol
}

// The kernels that the library has, and where they are.
var kernels, symbols = func() (ks []ukernel.Func, ss []symbol) {
	for _, l := range linked {
		if _, ok := missing[l.name]; !ok {
			ks, ss = append(ks, funcOf(l)), append(ss, l.symbol)
		}
	}
	return ks, ss
}()

// funcOf is the kernel as a Go function.
func funcOf(l linkedKernel) ukernel.Func {
	f := ukernel.Func{Name: l.name}
	switch family, _, _ := strings.Cut(l.name, "_ukernel__"); family {
	case "f32_rmax":
		fn := C.xnn_f32_rmax_fn(l.symbol)
		f.RMax = func(src []float32) float32 {
			return float32(C.call_rmax(fn, size(src), data(src)))
		}
	case "f32_raddextexp":
		fn := C.xnn_f32_raddextexp_fn(l.symbol)
		f.RAddExtExp = func(src []float32) (mantissa, exponent float32) {
			sum := C.call_raddextexp(fn, size(src), data(src))
			return float32(sum.mantissa), float32(sum.exponent)
		}
	case "f32_vscaleextexp":
		fn := C.xnn_f32_vscaleextexp_fn(l.symbol)
		f.VScaleExtExp = func(dst, src []float32, mantissa, exponent float32) {
			C.call_vscaleextexp(fn, size(src), data(src), data(dst), C.float(mantissa), C.float(exponent))
		}
	case "f32_raddexpminusmax":
		fn := C.xnn_f32_raddexpminusmax_fn(l.symbol)
		f.RAddExpMinusMax = func(src []float32, max float32) float32 {
			return float32(C.call_raddexpminusmax(fn, size(src), data(src), C.float(max)))
		}
	case "f32_vscaleexpminusmax":
		fn := C.xnn_f32_vscaleexpminusmax_fn(l.symbol)
		f.VScaleExpMinusMax = func(dst, src []float32, scale, max float32) {
			C.call_vscaleexpminusmax(fn, size(src), data(src), data(dst), C.float(scale), C.float(max))
		}
	case "f32_raddstoreexpminusmax":
		fn := C.xnn_f32_raddstoreexpminusmax_fn(l.symbol)
		f.RAddStoreExpMinusMax = func(dst, src []float32, max float32) float32 {
			return float32(C.call_raddstoreexpminusmax(fn, size(src), data(src), data(dst), C.float(max)))
		}
	case "f32_vmulc":
		fn := C.xnn_f32_vmulc_fn(l.symbol)
		f.VMulC = func(dst, src []float32, c float32) {
			C.call_vmulc(fn, size(src), data(src), data(dst), C.float(c))
		}
	case "f16_rmax":
		fn := C.xnn_f16_rmax_fn(l.symbol)
		f.F16RMax = func(src []uint16) uint16 {
			return uint16(C.call_f16rmax(fn, C.size_t(len(src))*2, data16(src)))
		}
	case "f16_raddstoreexpminusmax":
		fn := C.xnn_f16_raddstoreexpminusmax_fn(l.symbol)
		f.F16RAddStoreExpMinusMax = func(dst, src []uint16, max uint16) uint16 {
			return uint16(C.call_f16raddstoreexpminusmax(fn, C.size_t(len(src))*2, data16(src), data16(dst), C.uint16_t(max)))
		}
	case "f16_vmulc":
		fn := C.xnn_f16_vmulc_fn(l.symbol)
		f.F16VMulC = func(dst, src []uint16, c uint16) {
			C.call_f16vmulc(fn, C.size_t(len(src))*2, data16(src), data16(dst), C.uint16_t(c))
		}
	case "u8_rmax":
		fn := C.xnn_u8_rmax_fn(l.symbol)
		f.U8RMax = func(src []uint8) uint8 {
			return uint8(C.call_u8rmax(fn, C.size_t(len(src)), data8(src)))
		}
	case "u8_lut32norm":
		fn := C.xnn_u8_lut32norm_fn(l.symbol)
		f.U8LUT32Norm = func(dst, src []uint8, table []uint32) {
			C.call_u8lut32norm(fn, C.size_t(len(src)), data8(src), (*C.uint32_t)(unsafe.SliceData(table)), data8(dst))
		}
	default:
		panic(fmt.Sprintf("xnnpack: no way to call %s", l.name))
	}
	return f
}

func size(x []float32) C.size_t { return C.size_t(len(x)) * 4 }

func data(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }

func data16(x []uint16) *C.uint16_t { return (*C.uint16_t)(unsafe.SliceData(x)) }

func data8(x []uint8) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(x)) }
