//go:build operator && cgo && (amd64 || arm64)

package operator

/*
#include "pthreadpool.h"
#include "xnnpack.h"

#define TEXT(x) #x
#define TEXT_OF(macro) TEXT(macro)
static const char *pthreadpool_commit(void) { return TEXT_OF(PTHREADPOOL_COMMIT); }
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/shape"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Available reports whether the operator is linked in, and why not if it is not.
func Available() error { return nil }

// Version names upstream's commit and that of pthreadpool; it is empty where there is no
// operator.
func Version() string {
	return fmt.Sprintf("%.12s (pthreadpool %.12s)", xnnpack.Commit, C.GoString(C.pthreadpool_commit()))
}

// Bind prepares the softmax of each of the rows of cols elements in src, which lie one
// after the other, into dst, on that many threads: the caller's and those of a pool. dst
// may be src, and may overlap it in no other way. Both stay in use until done is called,
// which frees what Bind allocated. Only one goroutine may call run at a time.
//
// The error says what upstream can't do, or that it is not [Available]. Bind panics unless
// rows, cols and threads are at least 1 and both slices hold rows*cols elements.
func Bind(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
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
	return func() {
		if status := C.xnn_run_operator(op, pool); status != C.xnn_status_success {
			panic(fmt.Sprintf("operator: softmax failed with status %d", status))
		}
	}, done, nil
}
