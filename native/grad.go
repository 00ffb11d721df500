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
// The error of a result, for the given y, is at most 2^-23 * |y| * max|dy|, or 2^-149 if that is
// more. A NaN in y or dy makes all results NaN.
func SoftmaxGrad(dst, y, dy []float32) {
	checkGradRow("native.SoftmaxGrad", dst, y, dy)
	softmaxGrad(arith.Best, dst, y, dy, 1)
}

// LogSoftmaxGrad is the backward pass of log-softmax, dy - exp(y) * sum(dy), under the terms of
// [SoftmaxGrad]. A y above 0 counts as 0.
//
// The error of a result, for the given y, is at most 2^-24 * |dy| + 2^-21 * exp(y) * |sum(dy)|, or
// 2^-126 * |sum(dy)| where exp(y) is below 2^-126 and counts as 0; 2^-149 more if the result is
// below 2^-126 in size.
func LogSoftmaxGrad(dst, y, dy []float32) {
	checkGradRow("native.LogSoftmaxGrad", dst, y, dy)
	logSoftmaxGrad(arith.Best, dst, y, dy, 1)
}

// SoftmaxGradRows is [SoftmaxGrad] of each row. The matrices have one shape, each its own stride.
// Of o, which may be nil, only Scale, Scales and Goroutines count: results are multiplied by the
// scale, as the chain rule asks for the softmax of scaled rows.
func SoftmaxGradRows(dst, y, dy Matrix[float32], o *Options) {
	gradRows("native.SoftmaxGradRows", dst, y, dy, o, false)
}

// LogSoftmaxGradRows is [LogSoftmaxGrad] of each row, under the terms of [SoftmaxGradRows].
func LogSoftmaxGradRows(dst, y, dy Matrix[float32], o *Options) {
	gradRows("native.LogSoftmaxGradRows", dst, y, dy, o, true)
}

func checkGradRow(who string, dst, y, dy []float32) {
	checkRow(who, "y", dst, y)
	checkRow(who, "dy", dst, dy)
}

func gradRows(who string, dst, y, dy Matrix[float32], o *Options, log bool) {
	if !checkPair(who, "y", &dst, &y) || !checkPair(who, "dy", &dst, &dy) {
		return
	}
	o.checkScales(who, dst.Rows)
	g := gradients{dst, y, dy, 1, nil, log, o.makePlan(dst.Rows, dst.Cols, false)}
	if o != nil && o.Scale != 0 {
		g.scale = float64(o.Scale)
	}
	if o != nil && len(o.Scales) > 0 {
		shape.CheckApart(who, "Options.Scales", dst.used(), o.Scales)
		g.scales = o.Scales
	}
	if g.plan.goroutines > 1 {
		shared := g // that g itself need not be on the heap
		parallel.Do(g.plan.goroutines, dst.Rows, func(i int) { shared.row(i) })
		return
	}
	for i := range dst.Rows {
		g.row(i)
	}
}

// gradients are those of all rows of a matrix.
type gradients struct {
	dst, y, dy Matrix[float32]
	scale      float64
	scales     []float32 // of rows, if they have one each
	log        bool
	plan       plan
}

func (g *gradients) row(i int) {
	scale := g.scale
	if g.scales != nil && g.scales[i] != 0 {
		scale = float64(g.scales[i])
	}
	if dst, y, dy := g.dst.row(i), g.y.row(i), g.dy.row(i); g.log {
		logSoftmaxGrad(g.plan.level, dst, y, dy, scale)
	} else {
		softmaxGrad(g.plan.level, dst, y, dy, scale)
	}
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
	b := bufferPool.Get().(*buffers)
	defer bufferPool.Put(b)
	st, f := arith.ExpOf()
	// Short blocks, as y, dy and dst are in L1 as well.
	const block = blockLen / 4
	for at := 0; at < len(y); at += block {
		end := min(at+block, len(y))
		p := b.in[:end-at]
		l.MinZero(p, y[at:end])
		l.ExpScale(p, p, &st, &f)
		l.LogSoftmaxGrad(dst[at:end], p, dy[at:end], total, scale)
	}
}
