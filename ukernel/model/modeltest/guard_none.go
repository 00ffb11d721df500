//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package modeltest

import "unsafe"

// Guarded returns n float32 that start at a multiple of 64 bytes. Nothing guards
// them on this system.
func Guarded(n int) (floats []float32, free func(), err error) {
	floats = make([]float32, n+16)
	for uintptr(unsafe.Pointer(&floats[0]))%64 != 0 {
		floats = floats[1:]
	}
	return floats, func() {}, nil
}
