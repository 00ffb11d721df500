//go:build unix

package guarded

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Map returns at least n elements that fill whole pages, between two pages that fault when touched.
// On other systems than unix nothing guards them.
func Map[T any](n int) (x []T, free func(), err error) {
	page, each := os.Getpagesize(), int(unsafe.Sizeof(*new(T)))
	size := (each*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("guarded: mapping %d bytes: %w", size+2*page, err)
	}
	free = func() { syscall.Munmap(mem) }
	for _, guard := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			free()
			return nil, nil, fmt.Errorf("guarded: protecting a page: %w", err)
		}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[page])), size/each), free, nil
}
