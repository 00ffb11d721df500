//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

/*
#include <math.h>
#include <stdint.h>
#include <time.h>
#include "kernels.h"

#cgo noescape time_two_pass
#cgo nocallback time_two_pass
#cgo noescape time_recompute
#cgo nocallback time_recompute
#cgo noescape time_reload
#cgo nocallback time_reload

static inline int64_t monotonic(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

// Each of these returns nanoseconds. Lengths are in elements here.
#define EACH_ROW \
	const int64_t begin = monotonic(); \
	for (; times != 0; times--) \
		for (size_t i = 0; i < elements; i += cols)
#define TOOK return monotonic() - begin

static int64_t time_two_pass(xnn_f32_raddextexp_fn sum, xnn_f32_vscaleextexp_fn scale,
		float* dst, const float* src, size_t elements, size_t cols, size_t times) {
	const size_t size = cols * sizeof(float);
	EACH_ROW {
		float s[2];
		sum(size, src + i, s);
		scale(size, src + i, dst + i, 1.0f / s[0], -s[1]);
	}
	TOOK;
}

static int64_t time_recompute(xnn_f32_rmax_fn rmax, xnn_f32_raddexpminusmax_fn sum, xnn_f32_vscaleexpminusmax_fn scale,
		float* dst, const float* src, size_t elements, size_t cols, size_t times) {
	const size_t size = cols * sizeof(float);
	EACH_ROW {
		float max = -INFINITY, s;
		rmax(size, src + i, &max, NULL);
		sum(size, src + i, &s, max);
		scale(size, src + i, dst + i, 1.0f / s, max);
	}
	TOOK;
}

static int64_t time_reload(xnn_f32_rmax_fn rmax, xnn_f32_raddstoreexpminusmax_fn exp, xnn_f32_vmulc_fn mul,
		float* dst, const float* src, size_t elements, size_t cols, size_t times) {
	const size_t size = cols * sizeof(float);
	EACH_ROW {
		float max = -INFINITY, s, scale;
		rmax(size, src + i, &max, NULL);
		exp(size, src + i, &max, dst + i, &s, NULL);
		scale = 1.0f / s;
		mul(size, dst + i, &scale, dst + i, NULL);
	}
	TOOK;
}
*/
import "C"

import (
	"time"

	"github.com/twopass-softmax/twopass/ukernel"
)

func timeSoftmax(a ukernel.Algorithm, p passes, dst, src []float32, cols, times int) time.Duration {
	elements, n, m := C.size_t(len(src)), C.size_t(cols), C.size_t(times)
	switch a {
	case ukernel.TwoPass:
		return time.Duration(C.time_two_pass(C.xnn_f32_raddextexp_fn(p[0]), C.xnn_f32_vscaleextexp_fn(p[1]),
			data(dst), data(src), elements, n, m))
	case ukernel.ThreePassRecompute:
		return time.Duration(C.time_recompute(C.xnn_f32_rmax_fn(p[0]), C.xnn_f32_raddexpminusmax_fn(p[1]), C.xnn_f32_vscaleexpminusmax_fn(p[2]),
			data(dst), data(src), elements, n, m))
	}
	return time.Duration(C.time_reload(C.xnn_f32_rmax_fn(p[0]), C.xnn_f32_raddstoreexpminusmax_fn(p[1]), C.xnn_f32_vmulc_fn(p[2]),
		data(dst), data(src), elements, n, m))
}
