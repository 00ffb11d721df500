package traffic

import (
	"sync/atomic"
	"unsafe"
)

// sink keeps the compiler from leaving out the loads.
var sink atomic.Uint64

// readLoop is [Read] in Go. Pairs of elements and four sums keep it ahead of
// most memories.
func readLoop(src []float32) {
	if len(src) == 0 {
		return
	}
	pairs := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(src))), len(src)/2)
	var a, b, c, d uint64
	for ; len(pairs) >= 4; pairs = pairs[4:] {
		a ^= pairs[0]
		b ^= pairs[1]
		c ^= pairs[2]
		d ^= pairs[3]
	}
	for _, p := range pairs {
		a ^= p
	}
	if src[len(src)-1] > 0 {
		a++
	}
	sink.Add(a ^ b ^ c ^ d)
}

func address(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
