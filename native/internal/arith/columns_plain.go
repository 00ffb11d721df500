//go:build !amd64 || purego

package arith

// Columns is how many columns a vector of the kernels for columns has: there are none.
func (l Level) Columns() int { return 0 }

// The rest is of levels that have such kernels.

func (c *Columns) Begin(src []float32) bool                                    { return false }
func (c *Columns) Sum(src, e []float32, rows, stride int)                      {}
func (c *Columns) SumOnly(src []float32, rows, stride int)                     {}
func (c *Columns) SumKept(src []float32, keep []uint32, rows, stride int)      {}
func (c *Columns) SumTop(src []float32, rows, stride int)                      {}
func (c *Columns) SumOthers(src []float32, rows, stride int)                   {}
func (c *Columns) BeginOthers()                                                {}
func (c *Columns) Factors() bool                                               { return false }
func (c *Columns) Scale(dst, e []float32, rows, stride int)                    {}
func (c *Columns) ExpScale(dst, src []float32, rows, dstStride, srcStride int) {}
func (c *Columns) LogSub(dst, src []float32, rows, dstStride, srcStride int)   {}
func (c *Columns) rests()                                                      {}
func (c *Columns) totals()                                                     {}
