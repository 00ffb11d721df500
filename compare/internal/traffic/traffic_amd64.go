package traffic

import "unsafe"

// Streams is whether [CopyAround] has non-temporal stores.
const Streams = true

// The lengths are multiples of 64 bytes and not 0, and dst is aligned to 16.

//go:noescape
func read(src *float32, blocks int)

//go:noescape
func copyCached(dst, src *float32, blocks int)

//go:noescape
func copyAround(dst, src *float32, blocks int)

// block is the number of elements that the assembly moves at a time.
const block = 16

// Read loads every element.
func Read(src []float32) {
	n := len(src) / block
	if n > 0 {
		read(&src[0], n)
	}
	readLoop(src[n*block:])
}

// Copy writes src to dst by ordinary stores.
func Copy(dst, src []float32) {
	n := len(src) / block
	if n > 0 {
		copyCached(&dst[0], &src[0], n)
	}
	copy(dst[n*block:], src[n*block:])
}

// CopyAround writes src to dst, around the caches if it can.
func CopyAround(dst, src []float32) {
	// Non-temporal stores must be aligned.
	for len(dst) > 0 && address(dst)%16 != 0 {
		dst[0] = src[0]
		dst, src = dst[1:], src[1:]
	}
	n := len(src) / block
	if n > 0 {
		copyAround(&dst[0], &src[0], n)
	}
	copy(dst[n*block:], src[n*block:])
}

func address(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
