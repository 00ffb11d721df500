//go:build !amd64 || purego

package arith

// Columns is how many columns a vector of SoftmaxColumns has: there is no such kernel.
func (l Level) Columns() int { return 0 }

// SoftmaxColumns is of levels that have a kernel.
func (l Level) SoftmaxColumns(dst, src, e []float32, rows, cols, dstStride, srcStride int, c *Columns) bool {
	return false
}
