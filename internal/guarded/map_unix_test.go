//go:build unix

package guarded

import (
	"runtime/debug"
	"testing"
	"unsafe"
)

// TestPages touches what lies just before and behind the elements.
func TestPages(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	x := Pages[float64](t, 700)
	for _, at := range []int{-8, 8 * len(x)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("byte %d can be read", at)
				}
			}()
			sink = *(*float64)(unsafe.Add(unsafe.Pointer(&x[0]), at))
		}()
	}
	sink = x[0] + x[len(x)-1]
}

var sink float64
