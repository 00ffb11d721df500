//go:build !amd64

package traffic

// Streams is whether [CopyAround] has non-temporal stores.
const Streams = false

// Read loads every element.
func Read(src []float32) { readLoop(src) }

// Copy writes src to dst by ordinary stores.
func Copy(dst, src []float32) { copy(dst, src) }

// CopyAround writes src to dst, around the caches if it can.
func CopyAround(dst, src []float32) { Copy(dst, src) }
