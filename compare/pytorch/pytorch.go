//go:build pytorch && cgo

package pytorch

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/shape"
	"github.com/twopass-softmax/twopass/compare/speed"
)

func link(l *speed.Library) {
	l.Version, l.Bind = C.GoString(C.softmax_version()), Bind[float32]
}

// Bind prepares a softmax of rows, as package compare/internal/shape says.
func Bind[T float32 | float64](dst, src []T, rows, cols, threads int) (run, done func(), err error) {
	shape.Check("pytorch", dst, src, rows, cols, threads)
	// The library keeps the addresses from one call to the next.
	var pinned runtime.Pinner
	pinned.Pin(unsafe.SliceData(dst))
	pinned.Pin(unsafe.SliceData(src))
	var s *C.struct_softmax
	if err := failed(C.softmax_new(&s, C.int64_t(rows), C.int64_t(cols), C.int(threads),
		C.bool(unsafe.Sizeof(*new(T)) == 8), unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src)))); err != nil {
		pinned.Unpin()
		return nil, nil, fmt.Errorf("pytorch: no softmax of %d x %d elements: %w", rows, cols, err)
	}
	return func() {
			if err := failed(C.softmax_run(s)); err != nil {
				panic(fmt.Sprintf("pytorch: softmax failed: %v", err))
			}
		}, func() {
			C.softmax_free(s)
			pinned.Unpin()
		}, nil
}

// failed is what a call returned.
func failed(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}
