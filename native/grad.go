package native

import (
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// SoftmaxGrad is the backward pass of softmax. Given y, the softmax of a row, and dy, the gradient
// of a loss by y, it writes the gradient by the row, y * (dy - sum(y * dy)), to dst. Dst may be y
// or dy. SoftmaxGrad panics if dst overlaps them otherwise, or if lengths differ.
//
// The error of a result, for the given y, is at most 2^-23 * (1 + 2^-20) * |y| * max|dy|, or 2^-149
// if that is more. A NaN in y or dy makes all results NaN.
func SoftmaxGrad(dst, y, dy []float32) {
	checkGradRow("native.SoftmaxGrad", dst, y, dy)
	softmaxGrad(arith.Best, dst, y, dy, 1)
}

// LogSoftmaxGrad is the backward pass of log-softmax, dy - exp(y) * sum(dy), under the terms of
// [SoftmaxGrad], except that a NaN in y makes only its own result NaN. A y above 0 counts as 0.
//
// The error of a result in a row of n, for the given y, is at most 2^-24 * |dy| + 2^-21 * exp(y) *
// |sum(dy)| + (n+64) * 2^-57 * exp(y) * sum(|dy|), or 2^-125 * sum(|dy|) where exp(y) is below
// 2^-125 and may count as 0; 2^-149 more if the result is below 2^-126 in size.
func LogSoftmaxGrad(dst, y, dy []float32) {
	checkGradRow("native.LogSoftmaxGrad", dst, y, dy)
	logSoftmaxGrad(arith.Best, dst, y, dy, 1)
}

// SoftmaxGradRows is [SoftmaxGrad] of each row. The matrices have one shape, each its own stride.
// Of o, which may be nil, only Scale, Scales and Goroutines count: results are multiplied by the
// scale, as the chain rule asks for the softmax of scaled rows.
func SoftmaxGradRows(dst, y, dy Matrix[float32], o *Options) {
	gradRows("native.SoftmaxGradRows", &dst, &y, &dy, o, false)
}

// LogSoftmaxGradRows is [LogSoftmaxGrad] of each row, under the terms of [SoftmaxGradRows].
func LogSoftmaxGradRows(dst, y, dy Matrix[float32], o *Options) {
	gradRows("native.LogSoftmaxGradRows", &dst, &y, &dy, o, true)
}

func checkGradRow(who string, dst, y, dy []float32) {
	checkRow(who, "y", dst, y)
	checkRow(who, "dy", dst, dy)
}

func gradRows(who string, dst, y, dy *Matrix[float32], o *Options, log bool) {
	if !(oneFits(dst, y) && oneFits(dst, dy)) && (!checkPair(who, "y", dst, y) || !checkPair(who, "dy", dst, dy)) {
		return
	}
	o.checkScales(who, dst.Rows)
	p := o.makePlan(dst.Rows, dst.Cols, false)
	g := gradients{p.level, 1, nil, log}
	if o != nil && o.Scale != 0 {
		g.scale = float64(o.Scale)
	}
	if o != nil && len(o.Scales) > 0 {
		shape.CheckApart(who, "Options.Scales", dst.used(), o.Scales)
		g.scales = o.Scales
	}
	if p.goroutines > 1 {
		g.share(p.goroutines, *dst, *y, *dy)
		return
	}
	g.span(0, dst.Rows, dst, y, dy)
}

// gradients are what rows of a matrix have in common.
type gradients struct {
	level  arith.Level
	scale  float64
	scales []float32 // of rows, if they have one each
	log    bool
}

// share does all rows in several goroutines. It takes copies, so that the caller's matrices need not be on the heap.
func (g gradients) share(goroutines int, dst, y, dy Matrix[float32]) {
	n := rowsOfTask(goroutines, dst.Rows, dst.Cols)
	parallel.Do(goroutines, (dst.Rows+n-1)/n, func(i int) { g.span(i*n, min((i+1)*n, dst.Rows), &dst, &y, &dy) })
}

// span does the rows from first to before end.
func (g *gradients) span(first, end int, dst, y, dy *Matrix[float32]) {
	for i := first; i < end; i++ {
		if g.scales == nil && dst.Cols <= callLen {
			if i = g.rows(i, end, dst, y, dy); i == end {
				return
			}
		}
		scale := g.scale
		if g.scales != nil && g.scales[i] != 0 {
			scale = float64(g.scales[i])
		}
		if g.log {
			logSoftmaxGrad(g.level, dst.row(i), y.row(i), dy.row(i), scale)
		} else {
			softmaxGrad(g.level, dst.row(i), y.row(i), dy.row(i), scale)
		}
	}
}

// rows does the rows from first to before end by a kernel of rows. It returns the first one that the kernel leaves, or end.
func (g *gradients) rows(first, end int, dst, y, dy *Matrix[float32]) int {
	for i := first; i < end; {
		n, done := min(end-i, callLen/dst.Cols), 0
		to, p, d := dst.Data[i*dst.Stride:], y.Data[i*y.Stride:], dy.Data[i*dy.Stride:]
		if g.log {
			done = g.level.LogSoftmaxGradRows(to, p, d, g.scale, n, dst.Cols, dst.Stride, y.Stride, dy.Stride)
		} else {
			done = g.level.SoftmaxGradRows(to, p, d, g.scale, n, dst.Cols, dst.Stride, y.Stride, dy.Stride)
		}
		if i += done; done < n {
			return i
		}
	}
	return end
}

func softmaxGrad(l arith.Level, dst, y, dy []float32, scale float64) {
	total := l.Dot(y, dy)
	for at := 0; at < len(y); at += callLen {
		end := min(at+callLen, len(y))
		l.SoftmaxGrad(dst[at:end], y[at:end], dy[at:end], total, scale)
	}
}

func logSoftmaxGrad(l arith.Level, dst, y, dy []float32, scale float64) {
	total := l.Dot(nil, dy)
	for at := 0; at < len(y); at += callLen {
		end := min(at+callLen, len(y))
		l.LogSoftmaxGrad(dst[at:end], y[at:end], dy[at:end], total, scale)
	}
}
