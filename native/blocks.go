package native

import "github.com/twopass-softmax/twopass/native/internal/arith"

// inBlocks reports whether rows are done by blocks: those of the softmax of short rows that are
// prepared or converted.
func (c *call) inBlocks() bool {
	return c.op == opSoftmax && c.cols <= blockLen && (!c.plain || c.dst.format != isFloat32)
}

// blocks does the rows from first to before end. As many as a buffer holds are prepared at once,
// go through a kernel of rows, and are converted at once.
func (c *call) blocks(first, end int) {
	b := bufferPool.Get().(*buffers)
	masked := c.o.Causal || c.o.Keep.Data != nil || c.o.Add.Data != nil
	// The one mask there is may be left to the kernel.
	one := c.o.Add.Data == nil && c.o.Causal != (c.o.Keep.Data != nil)
	stride := (c.cols + 15) &^ 15 // whole lines of the cache
	most := max(1, blockLen/stride)
	if c.one.touch {
		most = max(1, touchLen/stride)
	}
	for ; first < end; first += most {
		rows := min(most, end-first)
		cols := c.o.visible(first+rows-1, c.cols)
		fuses := one && c.plan.level.Fuses(cols)
		x, xStride := c.block(b, first, rows, cols, stride, !fuses)
		if c.one.touch {
			if c.dst.format != isFloat32 {
				c.plan.level.Touch(c.dst.h[first*c.dstStride:], rows, cols, c.dstStride)
			}
			if next := first + rows; c.src.format != isFloat32 && next < end {
				c.plan.level.Touch(c.src.h[next*c.srcStride:], min(rows, end-next), cols, c.srcStride)
			}
		}
		y, yStride := b.in[:], stride
		if c.dst.format == isFloat32 {
			y, yStride = c.dst.f[first*c.dstStride:], c.dstStride
		}
		special := cols == 0 // some rows may be
		for i := 0; i < rows && cols > 0; i++ {
			var r arith.Rows
			r.Scale = c.one.scale
			if fuses {
				keep, keepStride := c.kept(first + i)
				i += c.plan.level.SoftmaxKeptRows(y[i*yStride:], x[i*xStride:], keep, rows-i, cols, yStride, xStride, keepStride, &r)
			} else if masked {
				i += c.plan.level.SoftmaxMaskedRows(y[i*yStride:], x[i*xStride:], rows-i, cols, yStride, xStride, &r)
			} else {
				i += c.plan.level.SoftmaxRows(y[i*yStride:], x[i*xStride:], rows-i, cols, yStride, xStride, &r)
			}
			if i < rows {
				special = true
				j := c.one
				j.mul = 1
				j.src, j.dst = operand{f: x[i*xStride:][:cols]}, operand{f: y[i*yStride:][:cols]}
				if fuses {
					j.keep, _ = c.kept(first + i)
				}
				j.e = j.dst.f
				j.softmaxFrom(r.N, r.At)
				j.release()
			}
		}
		switch at := first * c.dstStride; c.dst.format {
		case isFloat16:
			c.plan.level.NarrowF16Rows(c.dst.h[at:], y, rows, cols, c.dstStride, stride)
		case isBFloat16:
			c.plan.level.NarrowBF16Rows(c.dst.h[at:], y, rows, cols, c.dstStride, stride)
		}
		for i := first; i < first+rows && cols < c.cols; i++ {
			if special {
				c.hide(i)
				continue
			}
			at := i * c.dstStride
			hidden := c.dst.part(at+cols, at+c.cols)
			hidden.fill(0)
		}
	}
	bufferPool.Put(b)
}

// kept is row i of the one mask of bools there is, and the next row's distance.
func (c *call) kept(i int) (keep []bool, stride int) {
	if c.o.Causal {
		return triangle[blockLen-(i+c.o.Offset+1):], -1
	}
	return rowsOf(&c.o.Keep, i)
}

// block prepares rows from first on for their exponentials, in the buffer with that stride, or returns them
// where they are. It applies masks of bools only if mask is true. Columns from cols on are hidden in all of
// the rows.
func (c *call) block(b *buffers, first, rows, cols, stride int, mask bool) (x []float32, xStride int) {
	level := c.plan.level
	at := first * c.srcStride
	switch c.src.format {
	case isFloat32:
		x, xStride = c.src.f[at:], c.srcStride
	case isFloat16:
		x, xStride = b.in[:], stride
		level.WidenF16Rows(x, c.src.h[at:], rows, cols, stride, c.srcStride)
	case isBFloat16:
		x, xStride = b.in[:], stride
		level.WidenBF16Rows(x, c.src.h[at:], rows, cols, stride, c.srcStride)
	}
	p := arith.Preparation{Mul: c.one.mul}
	if m := &c.o.Add; m.Data != nil {
		p.Add, p.AddStride = rowsOf(m, first)
	}
	if c.o.Keep.Data != nil && mask {
		p.Keep, p.KeepStride = rowsOf(&c.o.Keep, first)
	}
	if p.Mul != 1 || p.Add != nil || p.Keep != nil {
		level.PrepareRows(b.in[:], x, rows, cols, stride, xStride, &p)
		x, xStride = b.in[:], stride
	}
	if c.o.Causal && cols > 0 && mask {
		p = arith.Preparation{Mul: 1, Keep: triangle[:], KeepAt: blockLen - (first + c.o.Offset + 1), KeepStride: -1}
		level.PrepareRows(b.in[:], x, rows, cols, stride, xStride, &p)
		x, xStride = b.in[:], stride
	}
	return x, xStride
}

// triangle is the causal mask: row by row it begins an element earlier. It has blockLen elements
// that are true, and as many more as columns and rows of a block may take.
var triangle = func() (t [2*blockLen + blockLen/16]bool) {
	for i := range blockLen {
		t[i] = true
	}
	return t
}()
