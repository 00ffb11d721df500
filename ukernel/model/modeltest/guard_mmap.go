//go:build linux || darwin || freebsd || netbsd || openbsd

package modeltest

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Guarded returns at least n float32 that fill whole pages, between two pages that fault when
// touched.
func Guarded(n int) (floats []float32, free func(), err error) {
	page := os.Getpagesize()
	size := (4*n + page - 1) / page * page
	b, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("modeltest: mapping %d bytes: %w", size+2*page, err)
	}
	for _, guard := range [][]byte{b[:page], b[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			return nil, nil, fmt.Errorf("modeltest: protecting a page: %w", err)
		}
	}
	floats = unsafe.Slice((*float32)(unsafe.Pointer(&b[page])), size/4)
	return floats, func() { syscall.Munmap(b) }, nil
}
