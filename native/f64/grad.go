package f64

import (
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// SoftmaxGrad is the backward pass of softmax. Given y, the softmax of a row, and dy, the gradient
// of a loss by y, it writes the gradient by the row, y * (dy - sum(y * dy)), to dst. Dst may be y
// or dy. SoftmaxGrad panics if dst overlaps them otherwise, or if lengths differ.
//
// The error of a result, for the given y, is at most 2^-50 * |y| * max|dy|, or 2^-1022 if that is
// more. A NaN in y or dy makes all results NaN.
func SoftmaxGrad(dst, y, dy []float64) {
	if !shape.Fits(dst, y) || !shape.Fits(dst, dy) {
		shape.CheckRow("f64.SoftmaxGrad", "y", dst, y)
		shape.CheckRow("f64.SoftmaxGrad", "dy", dst, dy)
	}
	softmaxGrad(dst, y, dy, 1)
}

// LogSoftmaxGrad is the backward pass of log-softmax, dy - exp(y) * sum(dy), under the terms of
// [SoftmaxGrad], except that a NaN in y makes only its own result NaN. A y above 0 counts as 0.
//
// The error of a result, for the given y, is at most 2^-53 * |dy| + 2^-50 * exp(y) * |sum(dy)|, or
// 2^-1022 * |sum(dy)| where exp(y) is below 2^-1022 and counts as 0; 2^-1074 more if the result is
// below 2^-1022 in size.
func LogSoftmaxGrad(dst, y, dy []float64) {
	shape.CheckRow("f64.LogSoftmaxGrad", "y", dst, y)
	shape.CheckRow("f64.LogSoftmaxGrad", "dy", dst, dy)
	logSoftmaxGrad(dst, y, dy, 1)
}

// SoftmaxGradRows is [SoftmaxGrad] of each row. The matrices have one shape, each its own stride.
// Of o, which may be nil, only Scale, Scales and Goroutines count: results are multiplied by the
// scale, as the chain rule asks for the softmax of scaled rows.
func SoftmaxGradRows(dst, y, dy Matrix, o *Options) {
	gradRows("f64.SoftmaxGradRows", matrix(dst), matrix(y), matrix(dy), o, softmaxGrad)
}

// LogSoftmaxGradRows is [LogSoftmaxGrad] of each row, under the terms of [SoftmaxGradRows].
func LogSoftmaxGradRows(dst, y, dy Matrix, o *Options) {
	gradRows("f64.LogSoftmaxGradRows", matrix(dst), matrix(y), matrix(dy), o, logSoftmaxGrad)
}

func gradRows(who string, dst, y, dy matrix, o *Options, do func(dst, y, dy []float64, scale float64)) {
	if !shape.CheckPair(who, "y", &dst, &y) || !shape.CheckPair(who, "dy", &dst, &dy) {
		return
	}
	o.checkScales(who, dst.Used(), dst.Rows)
	g := gradients{dst: dst, y: y, dy: dy, scale: 1, do: do}
	if o != nil {
		if o.Scale != 0 {
			g.scale = o.Scale
		}
		g.scales = o.Scales
	}
	if n := o.goroutines(dst.Rows * dst.Cols); n > 1 {
		shared := g // that g itself need not be on the heap
		parallel.Do(n, dst.Rows, func(i int) { shared.row(i) })
		return
	}
	for i := range dst.Rows {
		g.row(i)
	}
}

// gradients are those of all rows of a matrix.
type gradients struct {
	dst, y, dy matrix
	scale      float64
	scales     []float64 // of rows, if they have one each
	do         func(dst, y, dy []float64, scale float64)
}

func (g *gradients) row(i int) {
	scale := g.scale
	if len(g.scales) > 0 && g.scales[i] != 0 {
		scale = g.scales[i]
	}
	g.do(g.dst.Row(i), g.y.Row(i), g.dy.Row(i), scale)
}

func softmaxGrad(dst, y, dy []float64, scale float64) {
	arith64.SoftmaxGrad(arith64.Best, dst, y, dy, scale)
}

func logSoftmaxGrad(dst, y, dy []float64, scale float64) {
	l := arith64.Best
	total := arith64.Total(l, dy)
	b := bufferPool.Get().(*buffers)
	st, f := arith64.ExpOf()
	for at := 0; at < len(y); at += arith64.Chunk {
		end := min(at+arith64.Chunk, len(y))
		p := b.in[:end-at]
		arith64.MinZero(p, y[at:end])
		arith64.ExpScale(l, p, p, &st, &f)
		arith64.LogSoftmaxGrad(l, dst[at:end], p, dy[at:end], total, scale)
	}
	bufferPool.Put(b)
}
