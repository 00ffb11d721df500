//go:build unix

package arith64

import (
	"os"
	"syscall"
	"unsafe"
)

// guarded makes a slice of at least n elements, between two pages that can't be touched.
func guarded(n int) (x []float64, free func(), err error) {
	page := os.Getpagesize()
	size := (8*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, err
	}
	free = func() { syscall.Munmap(mem) }
	for _, p := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			free()
			return nil, nil, err
		}
	}
	return unsafe.Slice((*float64)(unsafe.Pointer(&mem[page])), size/8), free, nil
}
