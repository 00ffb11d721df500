//go:build !purego

package arith

// Columns is how many columns a vector of the kernels for columns has, 0 for a level without them.
func (l Level) Columns() int {
	switch l {
	case AVX512:
		return 16
	case AVX2:
		return 8
	}
	return 0
}

// Begin empties the sums of columns whose first row is src. It is false if they can't be done.
func (c *Columns) Begin(src []float32) bool {
	_ = src[c.cols-1]
	c.headroom = (integer + headroom) * unit
	if c.level == AVX512 {
		return columnsBeginAVX512(&src[0], c)
	}
	return columnsBeginAVX2(&src[0], c)
}

// Sum adds rows, of which there are 1 or more, and stores exponentials in e, which has Places of them
// for each row.
func (c *Columns) Sum(src, e []float32, rows, stride int) {
	_, _ = src[(rows-1)*stride+c.cols-1], e[rows*c.Places()-1]
	if c.level == AVX512 {
		columnsSumStoreAVX512(&src[0], &e[0], rows, stride, c)
	} else {
		columnsSumStoreAVX2(&src[0], &e[0], rows, stride, c)
	}
}

// SumOnly is Sum, which does not store.
func (c *Columns) SumOnly(src []float32, rows, stride int) {
	_ = src[(rows-1)*stride+c.cols-1]
	if c.level == AVX512 {
		columnsSumAVX512(&src[0], rows, stride, c)
	} else {
		columnsSumAVX2(&src[0], rows, stride, c)
	}
}

// SumKept is SumOnly, which takes no row for which keep is 0, and not all ones.
func (c *Columns) SumKept(src []float32, keep []uint32, rows, stride int) {
	_, _ = src[(rows-1)*stride+c.cols-1], keep[rows-1]
	if c.level == AVX512 {
		columnsSumKeptAVX512(&src[0], &keep[0], rows, stride, c)
	} else {
		columnsSumKeptAVX2(&src[0], &keep[0], rows, stride, c)
	}
}

// SumTop is SumOnly for logarithms.
func (c *Columns) SumTop(src []float32, rows, stride int) {
	_ = src[(rows-1)*stride+c.cols-1]
	if c.level == AVX512 {
		columnsSumTopAVX512(&src[0], rows, stride, c)
	} else {
		columnsSumTopAVX2(&src[0], rows, stride, c)
	}
}

// Factors prepares the second pass of softmax. It is false if a result may be 0: then it is not for Scale.
func (c *Columns) Factors() bool {
	if c.level == AVX512 {
		return columnsFactorsAVX512(c)
	}
	return columnsFactorsAVX2(c)
}

// Scale is the second pass over what Sum stored.
func (c *Columns) Scale(dst, e []float32, rows, stride int) {
	_, _ = dst[(rows-1)*stride+c.cols-1], e[rows*c.Places()-1]
	if c.level == AVX512 {
		columnsScaleAVX512(&dst[0], &e[0], rows, stride, c)
	} else {
		columnsScaleAVX2(&dst[0], &e[0], rows, stride, c)
	}
}

// ExpScale is the second pass over elements. Dst may be src, with the same stride.
func (c *Columns) ExpScale(dst, src []float32, rows, dstStride, srcStride int) {
	_, _ = dst[(rows-1)*dstStride+c.cols-1], src[(rows-1)*srcStride+c.cols-1]
	if c.level == AVX512 {
		columnsExpScaleAVX512(&dst[0], &src[0], rows, dstStride, srcStride, c)
	} else {
		columnsExpScaleAVX2(&dst[0], &src[0], rows, dstStride, srcStride, c)
	}
}

// LogSub is that of a log-softmax, after LogFactors. Dst may be src, with the same stride.
func (c *Columns) LogSub(dst, src []float32, rows, dstStride, srcStride int) {
	_, _ = dst[(rows-1)*dstStride+c.cols-1], src[(rows-1)*srcStride+c.cols-1]
	if c.level == AVX512 {
		columnsLogSubAVX512(&dst[0], &src[0], rows, dstStride, srcStride, c)
	} else {
		columnsLogSubAVX2(&dst[0], &src[0], rows, dstStride, srcStride, c)
	}
}

// rests makes max, top and rest.
func (c *Columns) rests() {
	if c.level == AVX512 {
		columnsRestsAVX512(c)
	} else {
		columnsRestsAVX2(c)
	}
}

// BeginOthers empties the sums for SumOthers.
func (c *Columns) BeginOthers() {
	last := c.last
	c.headroom, c.last = (integer+sureReach)*unit, c.width-4*c.level.Columns()
	if c.level == AVX512 {
		columnsBeginAVX512(&c.max[0], c)
	} else {
		columnsBeginAVX2(&c.max[0], c)
	}
	c.last = last
}

// SumOthers is SumOnly for the sum without the largest elements.
func (c *Columns) SumOthers(src []float32, rows, stride int) {
	_ = src[(rows-1)*stride+c.cols-1]
	if c.level == AVX512 {
		columnsSumOthersAVX512(&src[0], rows, stride, c)
	} else {
		columnsSumOthersAVX2(&src[0], rows, stride, c)
	}
}

// totals makes top and rest, which is the whole sum then.
func (c *Columns) totals() {
	if c.level == AVX512 {
		columnsTotalsAVX512(c)
	} else {
		columnsTotalsAVX2(c)
	}
}
