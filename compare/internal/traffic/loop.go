package traffic

import (
	"math"
	"sync/atomic"
)

// sink keeps the compiler from leaving out the loads.
var sink atomic.Uint32

// readLoop is [Read] in Go, with four chains of operations that don't wait for
// each other.
func readLoop(src []float32) {
	var a, b, c, d uint32
	for ; len(src) >= 4; src = src[4:] {
		a ^= math.Float32bits(src[0])
		b ^= math.Float32bits(src[1])
		c ^= math.Float32bits(src[2])
		d ^= math.Float32bits(src[3])
	}
	for _, x := range src {
		a ^= math.Float32bits(x)
	}
	sink.Add(a ^ b ^ c ^ d)
}
