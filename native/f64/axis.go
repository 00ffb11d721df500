package f64

import (
	"sync"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// SoftmaxAxis writes the softmax along an axis of src to dst, which has the same shape. The bits
// are those of [SoftmaxRows] for the matrix whose row i*Inner+j is the axis at (i, j); options
// apply to those rows. [native.Along] makes a Tensor of a shape.
//
// Dst may be src with the same strides. SoftmaxAxis panics if they overlap otherwise, or if shapes
// or options don't fit. Goroutines share rows, not the parts of one. Several rows go through a
// buffer, of up to 8 MiB a goroutine, or one row if that is longer.
func SoftmaxAxis(dst, src Tensor, o *Options) {
	alongAxis("f64.SoftmaxAxis", opSoftmax, tensor(dst), tensor(src), o)
}

// LogSoftmaxAxis is [LogSoftmaxRows] along an axis, under the terms of [SoftmaxAxis].
func LogSoftmaxAxis(dst, src Tensor, o *Options) {
	alongAxis("f64.LogSoftmaxAxis", opLogSoftmax, tensor(dst), tensor(src), o)
}

// LogSumExpAxis writes the log-sum-exp along the axis at (i, j) to dst[i*Inner+j]. It panics unless
// dst has Outer*Inner elements and does not overlap src. Otherwise see [SoftmaxAxis] and
// [LogSumExpRows].
func LogSumExpAxis(dst []float64, src Tensor, o *Options) {
	const who = "f64.LogSumExpAxis"
	t := tensor(src)
	shape.CheckTensorSums(who, dst, &t)
	o.check(who, dst, t.Rows(), t.Axis)
	a := axisCall{op: opLogSumExp, sums: dst, src: t}
	a.run(o)
}

func alongAxis(who string, op op, dst, src tensor, o *Options) {
	shape.CheckTensors(who, &dst, &src)
	o.check(who, dst.Used(), src.Rows(), src.Axis)
	if len(src.Used()) > 0 {
		a := axisCall{op: op, dst: dst, src: src}
		a.run(o)
	}
}

// axisCall is what is done along an axis: rows are gathered in a buffer, done there, and scattered.
type axisCall struct {
	op       op
	dst, src tensor
	sums     []float64 // of log-sum-exp
	o        Options
	// block is how many rows a buffer takes, and stride how far they are from each other there.
	block, stride int
}

const (
	// axisBlock is how many elements go through a buffer at a time, if that is at least axisLeast
	// rows, two lines of the cache: rows of up to 256 stay in L1 between the three steps, longer ones in L2.
	axisBlock = 1 << 12
	axisLeast = 16
	// axisMost limits the buffer for long rows: there may be fewer of them.
	axisMost = 1 << 20
)

var axisPool = sync.Pool{New: func() any { return new([]float64) }}

func (a *axisCall) run(o *Options) {
	if o != nil {
		a.o = *o
	}
	// An odd number of lines, so that the rows' beginnings lie in different sets of the cache.
	a.stride = (a.src.Axis+7)&^7 | 8
	a.block = max(axisLeast, axisBlock/a.stride&^(axisLeast-1))
	a.block = max(1, min(a.block, axisMost/a.stride, a.src.Rows()))
	if g := o.goroutines(a.src.Rows() * a.src.Axis); g > 1 {
		a.share(g)
		return
	}
	for i := 0; i < a.src.Rows(); i += a.block {
		a.rows(i)
	}
}

// share is apart so that what the goroutines share is on the heap for them alone.
func (a *axisCall) share(g int) {
	own := *a
	parallel.Do(g, (own.src.Rows()+own.block-1)/own.block, func(i int) { own.rows(i * own.block) })
}

// rows does a block of rows.
func (a *axisCall) rows(first int) {
	n := min(a.block, a.src.Rows()-first)
	b := axisPool.Get().(*[]float64)
	if len(*b) < a.block*a.stride {
		*b = make([]float64, a.block*a.stride)
	}
	x := matrix{Rows: n, Cols: a.src.Axis, Data: *b, Stride: a.stride}
	move(*b, a.stride, &a.src, first, n, false)
	o := a.o
	if len(o.Scales) > 0 {
		o.Scales = o.Scales[first:][:n]
	}
	add, keep := matrix(o.Add), shape.Matrix[bool](o.Keep)
	o.Add, o.Keep = Matrix(add.Span(first, n)), native.Matrix[bool](keep.Span(first, n))
	o.Offset = min(o.Offset, a.src.Axis) + first // as large as needed, without overflow
	o.Goroutines = 1
	dst := x
	if a.sums != nil {
		dst = oneEach(a.sums[first:][:n])
	}
	var c call
	c.begin(a.op, dst, x, &o)
	c.run()
	if a.sums == nil {
		move(*b, a.stride, &a.dst, first, n, true)
	}
	axisPool.Put(b)
}

// move copies n rows of a tensor to the buffer, or back.
func move(b []float64, stride int, t *tensor, first, n int, back bool) {
	for at := 0; at < n; {
		outer, inner := (first+at)/t.Inner, (first+at)%t.Inner
		// Elements of a line of the cache go one after the other.
		m := min(n-at, t.Inner-inner, lineRows)
		x, y := t.Data[outer*t.OuterStride+inner:], b[at*stride:]
		switch {
		case m == lineRows && back:
			putLines(x, t.AxisStride, y, stride, t.Axis)
		case m == lineRows:
			getLines(y, stride, x, t.AxisStride, t.Axis)
		default:
			for k := range t.Axis {
				for i := range m {
					if back {
						x[k*t.AxisStride+i] = y[i*stride+k]
					} else {
						y[i*stride+k] = x[k*t.AxisStride+i]
					}
				}
			}
		}
		at += m
	}
}

// lineRows is how many elements a line of the cache has.
const lineRows = 8

// line is a slice of n elements for each element of a line.
func line(y []float64, stride, n int) (rows [lineRows][]float64) {
	for i := range rows {
		rows[i] = y[i*stride:][:n]
	}
	return rows
}

// getLines copies a line for each of n elements of the axis to as many rows.
func getLines(y []float64, stride int, x []float64, axisStride, n int) {
	r := line(y, stride, n)
	y0, y1, y2, y3, y4, y5, y6, y7 := r[0], r[1][:n], r[2][:n], r[3][:n], r[4][:n], r[5][:n], r[6][:n], r[7][:n]
	for k := range y0 {
		v := (*[lineRows]float64)(x[k*axisStride:])
		y0[k], y1[k], y2[k], y3[k], y4[k], y5[k], y6[k], y7[k] = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
	}
}

// putLines copies them back.
func putLines(x []float64, axisStride int, y []float64, stride, n int) {
	r := line(y, stride, n)
	y0, y1, y2, y3, y4, y5, y6, y7 := r[0], r[1][:n], r[2][:n], r[3][:n], r[4][:n], r[5][:n], r[6][:n], r[7][:n]
	for k := range y0 {
		v := (*[lineRows]float64)(x[k*axisStride:])
		v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7] = y0[k], y1[k], y2[k], y3[k], y4[k], y5[k], y6[k], y7[k]
	}
}
