//go:build operator && cgo && (amd64 || arm64)

package operator

/*
#include <stdint.h>
#include <time.h>
#include "pthreadpool.h"
#include "xnnpack.h"

static int64_t monotonic(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

// Nanoseconds, or -1 if the operator fails.
static int64_t run(xnn_operator_t op, pthreadpool_t pool, size_t times) {
	const int64_t begin = monotonic();
	for (; times != 0; times--)
		if (xnn_run_operator(op, pool) != xnn_status_success) return -1;
	return monotonic() - begin;
}

#define TEXT(x) #x
#define TEXT_OF(macro) TEXT(macro)
static const char *pthreadpool_commit(void) { return TEXT_OF(PTHREADPOOL_COMMIT); }
*/
import "C"

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/shape"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/xnnpack"
)

func link(l *speed.Library) {
	l.Version = fmt.Sprintf("%.12s (pthreadpool %.12s)", xnnpack.Commit, C.GoString(C.pthreadpool_commit()))
	l.Bind, l.BindLoop = Bind, BindLoop
}

// Bind prepares a softmax of rows, as package compare/internal/shape says. Threads are the caller's and
// those of a pool.
func Bind(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	loop, done, err := BindLoop(dst, src, rows, cols, threads)
	return func() { loop(1) }, done, err
}

// BindLoop is [Bind] for a loop in C: loop runs the operator times over and returns how
// long that took by CLOCK_MONOTONIC, the clock of package time. One call through cgo
// stands outside what it times.
func BindLoop(dst, src []float32, rows, cols, threads int) (loop func(times int) time.Duration, done func(), err error) {
	shape.Check("operator", dst, src, rows, cols, threads)
	var op C.xnn_operator_t
	var pool C.pthreadpool_t // nil is the caller's thread alone
	// Upstream keeps the addresses from one call to the next.
	var pinned runtime.Pinner
	pinned.Pin(unsafe.SliceData(dst))
	pinned.Pin(unsafe.SliceData(src))
	done = func() {
		if op != nil {
			C.xnn_delete_operator(op)
		}
		if pool != nil {
			C.pthreadpool_destroy(pool)
		}
		pinned.Unpin()
	}
	n, batch := C.size_t(cols), C.size_t(rows)
	status := C.xnn_initialize(nil)
	if status == C.xnn_status_success {
		status = C.xnn_create_softmax_nc_f32(0, &op)
	}
	if threads > 1 && status == C.xnn_status_success {
		if pool = C.pthreadpool_create(C.size_t(threads)); pool == nil {
			status = C.xnn_status_out_of_memory
		}
	}
	if status == C.xnn_status_success {
		status = C.xnn_reshape_softmax_nc_f32(op, n, n, n, batch, pool)
	}
	if status == C.xnn_status_success {
		status = C.xnn_setup_softmax_nc_f32(op, (*C.float)(unsafe.SliceData(src)), (*C.float)(unsafe.SliceData(dst)))
	}
	if status != C.xnn_status_success {
		done()
		return nil, nil, fmt.Errorf("operator: no softmax of %d x %d elements on %d threads: status %d", rows, cols, threads, status)
	}
	return func(times int) time.Duration {
		took := C.run(op, pool, C.size_t(times))
		if took < 0 {
			panic("operator: softmax failed")
		}
		return time.Duration(took)
	}, done, nil
}
