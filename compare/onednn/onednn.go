//go:build onednn && cgo

package onednn

/*
#include <stdlib.h>
#include <oneapi/dnnl/dnnl.h>

// OpenMP's own function; its header is the compiler's, and clang's may not be
// installed.
void omp_set_num_threads(int n);

struct softmax {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_memory_t src, dst;
	dnnl_primitive_t primitive;
};

static void softmax_free(struct softmax *s) {
	if (s->primitive) dnnl_primitive_destroy(s->primitive);
	if (s->dst) dnnl_memory_destroy(s->dst);
	if (s->src) dnnl_memory_destroy(s->src);
	if (s->stream) dnnl_stream_destroy(s->stream);
	if (s->engine) dnnl_engine_destroy(s->engine);
	free(s);
}

// Descriptors of memory are structures in version 2 and made by the library in 3, and the
// description of an operation is a structure of its own in 2.
#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t memory_desc(dnnl_memory_desc_t *md, const dnnl_dims_t dims) {
	return dnnl_memory_desc_create_with_tag(md, 2, dims, dnnl_f32, dnnl_ab);
}

static void memory_desc_free(dnnl_memory_desc_t *md) { dnnl_memory_desc_destroy(*md); }

static dnnl_status_t memory(dnnl_memory_t *m, dnnl_memory_desc_t *md, dnnl_engine_t engine, void *data) {
	return dnnl_memory_create(m, *md, engine, data);
}

static dnnl_status_t primitive_desc(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_memory_desc_t *md) {
	return dnnl_softmax_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, dnnl_softmax_accurate, *md, *md, 1, NULL);
}
#else
static dnnl_status_t memory_desc(dnnl_memory_desc_t *md, const dnnl_dims_t dims) {
	return dnnl_memory_desc_init_by_tag(md, 2, dims, dnnl_f32, dnnl_ab);
}

static void memory_desc_free(dnnl_memory_desc_t *md) {}

static dnnl_status_t memory(dnnl_memory_t *m, dnnl_memory_desc_t *md, dnnl_engine_t engine, void *data) {
	return dnnl_memory_create(m, md, engine, data);
}

static dnnl_status_t primitive_desc(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_memory_desc_t *md) {
	dnnl_softmax_v2_desc_t desc;
	dnnl_status_t st = dnnl_softmax_v2_forward_desc_init(&desc, dnnl_forward_inference, dnnl_softmax_accurate, md, md, 1);
	return st != dnnl_success ? st : dnnl_primitive_desc_create(pd, &desc, NULL, engine, NULL);
}
#endif

// softmax_init makes all that a run needs, for rows that lie one after the other.
// What it made before it failed, softmax_free frees.
static dnnl_status_t softmax_init(struct softmax *s, int64_t rows, int64_t cols, int threads, float *dst, float *src) {
	dnnl_dims_t dims = {rows, cols};
	dnnl_memory_desc_t md;
	dnnl_primitive_desc_t pd;
	dnnl_status_t st;

	// The library chooses among its implementations for this number of threads.
	omp_set_num_threads(threads);
	if ((st = dnnl_engine_create(&s->engine, dnnl_cpu, 0)) != dnnl_success) return st;
	if ((st = dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags)) != dnnl_success) return st;
	if ((st = memory_desc(&md, dims)) != dnnl_success) return st;
	if ((st = memory(&s->src, &md, s->engine, src)) == dnnl_success &&
	    (st = memory(&s->dst, &md, s->engine, dst)) == dnnl_success &&
	    (st = primitive_desc(&pd, s->engine, &md)) == dnnl_success) {
		st = dnnl_primitive_create(&s->primitive, pd);
		dnnl_primitive_desc_destroy(pd);
	}
	memory_desc_free(&md);
	return st;
}

static dnnl_status_t softmax_run(struct softmax *s, int threads) {
	dnnl_exec_arg_t args[2] = {{DNNL_ARG_SRC, s->src}, {DNNL_ARG_DST, s->dst}};
	dnnl_status_t st;

	// OpenMP keeps this number for each thread of the program by itself.
	omp_set_num_threads(threads);
	if ((st = dnnl_primitive_execute(s->primitive, s->stream, 2, args)) != dnnl_success) return st;
	return dnnl_stream_wait(s->stream);
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/shape"
	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	v := C.dnnl_version()
	l.Version, l.Bind = fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch), Bind
}

// Bind prepares a softmax of rows, as package compare/internal/shape says. Threads are OpenMP's.
func Bind(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	shape.Check("onednn", dst, src, rows, cols, threads)
	s := (*C.struct_softmax)(C.calloc(1, C.sizeof_struct_softmax))
	// The library keeps the addresses from one call to the next.
	var pinned runtime.Pinner
	pinned.Pin(unsafe.SliceData(dst))
	pinned.Pin(unsafe.SliceData(src))
	done = func() {
		C.softmax_free(s)
		pinned.Unpin()
	}
	status := C.softmax_init(s, C.int64_t(rows), C.int64_t(cols), C.int(threads),
		(*C.float)(unsafe.SliceData(dst)), (*C.float)(unsafe.SliceData(src)))
	if status != C.dnnl_success {
		done()
		return nil, nil, fmt.Errorf("onednn: no softmax of %d x %d elements on %d threads: status %d", rows, cols, threads, status)
	}
	return func() {
		if status := C.softmax_run(s, C.int(threads)); status != C.dnnl_success {
			panic(fmt.Sprintf("onednn: softmax failed with status %d", status))
		}
	}, done, nil
}
