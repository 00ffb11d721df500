//go:build !unix

package guarded

import "unsafe"

// Map returns n elements that start at a multiple of 64 bytes. Nothing guards them on this system.
func Map[T any](n int) (x []T, free func(), err error) {
	mem := make([]byte, n*int(unsafe.Sizeof(*new(T)))+64)
	for uintptr(unsafe.Pointer(&mem[0]))%64 != 0 {
		mem = mem[1:]
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), n), func() {}, nil
}
