package native

import (
	"fmt"
	"math"
	"sync"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Tensor is a tensor, seen along one of its axes: Outer is the product of the dimensions before the
// axis, Axis its length, Inner the product of the dimensions behind it. Element k of the axis at
// (i, j) is Data[i*OuterStride + k*AxisStride + j]. No two elements may share a place, and Data
// must have them all; nothing between them is read or written. [Along] makes a Tensor from a shape.
type Tensor[T any] struct {
	Outer, Axis, Inner int
	Data               []T
	OuterStride        int
	AxisStride         int
}

// Along returns a row-major tensor of the given shape, without gaps, along an axis: 0 is the first,
// -1 the last. It panics if there is no such axis, or if the length of x does not fit the shape.
func Along[T any](x []T, shape []int, axis int) Tensor[T] {
	if axis < -len(shape) || axis >= len(shape) {
		panic(fmt.Sprintf("native.Along: axis %d of a shape of %d dimensions", axis, len(shape)))
	}
	if axis < 0 {
		axis += len(shape)
	}
	t := Tensor[T]{Outer: 1, Axis: shape[axis], Inner: 1, Data: x}
	all := 1
	for i, n := range shape {
		switch {
		case n < 0:
			panic(fmt.Sprintf("native.Along: dimension %d is %d, it may not be negative", i, n))
		case i < axis:
			t.Outer *= n
		case i > axis:
			t.Inner *= n
		}
		all = min(all, math.MaxInt/max(1, n)) * n // large instead of an overflow
	}
	if all != len(x) {
		panic(fmt.Sprintf("native.Along: %d elements, the shape has %d", len(x), all))
	}
	t.AxisStride, t.OuterStride = t.Inner, t.Axis*t.Inner
	return t
}

func (t *Tensor[T]) shape() *shape.Tensor[T] { return (*shape.Tensor[T])(t) }

// SoftmaxAxis writes the softmax along an axis of src to dst, which has the same shape. The bits
// are those of [SoftmaxRows] for the matrix whose row i*Inner+j is the axis at (i, j); options
// apply to those rows.
//
// Dst may be src with the same strides and elements of the same size. SoftmaxAxis panics if they
// overlap otherwise, or if shapes or options don't fit. Goroutines share rows, not the parts of
// one.
//
// Where Inner is at least 16 (8 with AVX2), kernels do columns of up to 65,536 elements side by
// side. Other calls go through a buffer, of up to 8 MiB a goroutine, and take 2 to 10 times as long
// as rows: those on other CPUs, with Options.Causal, with an Add or Keep of several rows, with an
// Add beside Scales, with a negative scale, and logarithms with a Keep. So do tiles of 128 columns
// in which a column has an infinity, a NaN, or an element more than 40 from its first one.
func SoftmaxAxis[D, S Element](dst Tensor[D], src Tensor[S], o *Options) {
	alongAxis("native.SoftmaxAxis", opSoftmax, dst, src, o)
}

// LogSoftmaxAxis is [LogSoftmaxRows] along an axis, under the terms of [SoftmaxAxis].
func LogSoftmaxAxis[D, S Element](dst Tensor[D], src Tensor[S], o *Options) {
	alongAxis("native.LogSoftmaxAxis", opLogSoftmax, dst, src, o)
}

// LogSumExpAxis writes the log-sum-exp along the axis at (i, j) to dst[i*Inner+j]. It panics unless
// dst has Outer*Inner elements and does not overlap src. Otherwise see [SoftmaxAxis] and
// [LogSumExpRows].
func LogSumExpAxis[S Element](dst []float32, src Tensor[S], o *Options) {
	const who = "native.LogSumExpAxis"
	shape.CheckTensorSums(who, dst, src.shape())
	a := axisCall{op: opLogSumExp, sums: dst, dst: operand{f: dst}, src: operandOf(src.shape().Used()),
		from: layout{src.OuterStride, src.AxisStride}, inner: src.Inner, cols: src.Axis}
	a.run(who, src.shape().Rows(), o)
}

func alongAxis[D, S Element](who string, op op, dst Tensor[D], src Tensor[S], o *Options) {
	shape.CheckTensors(who, dst.shape(), src.shape())
	a := axisCall{op: op, dst: operandOf(dst.shape().Used()), src: operandOf(src.shape().Used()),
		to: layout{dst.OuterStride, dst.AxisStride}, from: layout{src.OuterStride, src.AxisStride}, inner: src.Inner, cols: src.Axis}
	a.run(who, src.shape().Rows(), o)
}

// layout is a tensor's strides.
type layout struct{ outer, axis int }

// axisCall is what is done along an axis: rows are gathered in a buffer, done there, and scattered.
type axisCall struct {
	op          op
	inner, cols int
	dst, src    operand
	to, from    layout
	sums        []float32 // of log-sum-exp
	o           Options
	level       arith.Level
	// block is how many rows a buffer takes, and stride how far they are from each other there.
	block, stride int
	// wide is how many columns a vector of the kernels has that do them side by side, if they can do
	// these at all, together how many vectors a tile has at most, and tiles how many go at once.
	wide, together, tiles int
	store                 bool // their exponentials, or compute them twice
	halves                bool // they go through the tile, as some are 16-bit, or something is added
	touch                 bool // and those are likely not in the caches
	// add and keep are what all rows have of Options.Add and Keep, and first the first that is kept.
	add   []float32
	keep  []bool
	first int
}

const (
	// axisBlock is how many elements go through a buffer at a time, if that is at least axisLeast
	// rows: they stay in L2 between the three steps.
	axisBlock = 1 << 15
	axisLeast = 16
	// axisMost limits the buffer for long rows: there may be fewer of them.
	axisMost = 1 << 21
	// axisTile is how many 16-bit elements of a row of the tensor are converted at a time, in as many rows.
	axisTile = 64
)

// axisBuffer holds rows, and a tile of 16-bit elements as float32.
type axisBuffer struct {
	// First, so that their lines are whole ones of the cache.
	sums  arith.ColumnSums
	tiles [axisWide / axisTile]tile
	tile  [axisTile * axisTile]float32
	rows  []float32
	keep  []uint32 // ones or zeros
	self  *axisBuffer
}

var axisPool = sync.Pool{New: func() any {
	b := new(axisBuffer)
	b.self = b
	return b
}}

func (a *axisCall) run(who string, rows int, o *Options) {
	o.check(who, rows, a.cols)
	if o != nil {
		a.o = *o
	}
	(&call{dst: a.dst, o: a.o}).checkAdd(who)
	if rows == 0 || a.cols == 0 {
		for i := range a.sums {
			a.sums[i] = negInf
		}
		return
	}
	p := a.o.makePlan(rows, a.cols, false)
	a.level = p.level
	// An odd number of lines, so that the rows' beginnings lie in different sets of the cache.
	a.stride = (a.cols+15)&^15 | 16
	a.block = max(axisLeast, axisBlock/a.stride&^(axisLeast-1))
	a.block = max(1, min(a.block, axisMost/a.stride, rows))
	a.planColumns(rows)
	if p.goroutines == 1 {
		a.span(0, rows)
		return
	}
	a.share(rows, p.goroutines)
}

// share is apart so that what the goroutines share is on the heap for them alone.
func (a *axisCall) share(rows, goroutines int) {
	own := *a
	n := max(own.block, own.tiles*own.together*own.wide)
	parallel.Do(goroutines, (rows+n-1)/n, func(i int) { own.span(i*n, min((i+1)*n, rows)) })
}

// span does the rows from first to before end.
func (a *axisCall) span(first, end int) {
	b := axisPool.Get().(*axisBuffer)
	if a.wide > 0 && a.keep != nil {
		b.keep = b.keep[:0]
		for _, keep := range a.keep {
			var ones uint32
			if keep {
				ones = 1<<32 - 1
			}
			b.keep = append(b.keep, ones)
		}
	}
	if a.store {
		b.grow(min(a.tiles, (a.inner+a.together*a.wide-1)/(a.together*a.wide)) * a.storeLen())
	}
	for first < end {
		n := min(a.block, end-first)
		if a.wide > 0 {
			side := min(end-first, a.inner-first%a.inner)
			if k := a.columns(b, first, side); k > 0 {
				first += k
				continue
			}
			n = min(n, side, a.together*a.wide)
		}
		b.grow(a.block * a.stride)
		a.rows(b, first, n)
		first += n
	}
	axisPool.Put(b.self)
}

// grow makes room for n elements of rows.
func (b *axisBuffer) grow(n int) {
	if len(b.rows) < n {
		b.rows = make([]float32, n)
	}
}

// rows does n rows from first on in the buffer.
func (a *axisCall) rows(b *axisBuffer, first, n int) {
	a.gather(b, first, n)
	x := Matrix[float32]{n, a.cols, b.rows, a.stride}
	own := a.o
	if len(own.Scales) > 0 {
		own.Scales = own.Scales[first:][:n]
	}
	own.Add, own.Keep = Matrix[float32](own.Add.shape().Span(first, n)), Matrix[bool](own.Keep.shape().Span(first, n))
	own.Offset = min(own.Offset, a.cols) + first // as large as needed, without overflow
	var c call
	if a.op == opLogSumExp {
		begin(&c, a.op, &Matrix[float32]{n, 1, a.sums[first:], 1}, &x, &own)
		c.span(0, n)
		return
	}
	begin(&c, a.op, &x, &x, &own)
	c.span(0, n)
	a.scatter(b, first, n)
}

// gather copies n rows to the buffer.
func (a *axisCall) gather(b *axisBuffer, first, n int) {
	for at := 0; at < n; {
		outer, inner := (first+at)/a.inner, (first+at)%a.inner
		m := min(n-at, a.inner-inner)
		from, rows := outer*a.from.outer+inner, b.rows[at*a.stride:]
		at += m
		if a.src.format == isFloat32 {
			a.level.Transpose(rows, a.src.f[from:], a.cols, m, a.stride, a.from.axis)
			continue
		}
		a.inTiles(m, func(k, rowsOf, j, cols int) {
			h := a.src.h[from+k*a.from.axis+j:]
			if a.src.format == isFloat16 {
				a.level.WidenF16Rows(b.tile[:], h, rowsOf, cols, axisTile, a.from.axis)
			} else {
				a.level.WidenBF16Rows(b.tile[:], h, rowsOf, cols, axisTile, a.from.axis)
			}
			a.level.Transpose(rows[j*a.stride+k:], b.tile[:], rowsOf, cols, a.stride, axisTile)
		})
	}
}

// scatter copies n rows from the buffer to dst.
func (a *axisCall) scatter(b *axisBuffer, first, n int) {
	for at := 0; at < n; {
		outer, inner := (first+at)/a.inner, (first+at)%a.inner
		m := min(n-at, a.inner-inner)
		to, rows := outer*a.to.outer+inner, b.rows[at*a.stride:]
		at += m
		if a.dst.format == isFloat32 {
			a.level.Transpose(a.dst.f[to:], rows, m, a.cols, a.to.axis, a.stride)
			continue
		}
		a.inTiles(m, func(k, rowsOf, j, cols int) {
			a.level.Transpose(b.tile[:], rows[j*a.stride+k:], cols, rowsOf, axisTile, a.stride)
			h := a.dst.h[to+k*a.to.axis+j:]
			if a.dst.format == isFloat16 {
				a.level.NarrowF16Rows(h, b.tile[:], rowsOf, cols, a.to.axis, axisTile)
			} else {
				a.level.NarrowBF16Rows(h, b.tile[:], rowsOf, cols, a.to.axis, axisTile)
			}
		})
	}
}

// inTiles calls f for tiles of the axis and of n columns.
func (a *axisCall) inTiles(n int, f func(k, rows, j, cols int)) {
	for k := 0; k < a.cols; k += axisTile {
		for j := 0; j < n; j += axisTile {
			f(k, min(axisTile, a.cols-k), j, min(axisTile, n-j))
		}
	}
}
