package f64

import "github.com/twopass-softmax/twopass/native/internal/parallel"

import "github.com/twopass-softmax/twopass/native/f64/internal/arith64"

// SoftmaxGrad is the backward pass of softmax: y is what softmax made of a row, dy the gradient
// of a loss by y, and dst becomes the gradient by the row, y * (dy - sum(y * dy)). Dst may be y
// or dy; if it overlaps them otherwise, or if lengths differ, SoftmaxGrad panics.
//
// For the same y, the error of a result is at most 2^-50 * |y| * max|dy|. A NaN in y or dy makes
// all results NaN.
func SoftmaxGrad(dst, y, dy []float64) {
	checkRow("f64.SoftmaxGrad", "y", dst, y)
	checkRow("f64.SoftmaxGrad", "dy", dst, dy)
	softmaxGrad(dst, y, dy, 1)
}

// LogSoftmaxGrad is the backward pass of log-softmax, dy - exp(y) * sum(dy), under the terms of
// [SoftmaxGrad]. Y is at most 0: what is above counts as 0.
//
// For the same y, the error of a result is at most 2^-53 * |dy| + 2^-50 * exp(y) * |sum(dy)|,
// and 2^-1022 * |sum(dy)| for an exp(y) below 2^-1022, which counts as 0.
func LogSoftmaxGrad(dst, y, dy []float64) {
	checkRow("f64.LogSoftmaxGrad", "y", dst, y)
	checkRow("f64.LogSoftmaxGrad", "dy", dst, dy)
	logSoftmaxGrad(dst, y, dy, 1)
}

// SoftmaxGradRows is [SoftmaxGrad] of each row of matrices of one shape, each with a stride of its
// own. Of o, which may be nil, Scale and Goroutines count: results are multiplied by the
// scale, as those of a softmax of scaled rows have to be.
func SoftmaxGradRows(dst, y, dy Matrix, o *Options) {
	gradRows("f64.SoftmaxGradRows", dst, y, dy, o, softmaxGrad)
}

// LogSoftmaxGradRows is [LogSoftmaxGrad] of each row, under the terms of [SoftmaxGradRows].
func LogSoftmaxGradRows(dst, y, dy Matrix, o *Options) {
	gradRows("f64.LogSoftmaxGradRows", dst, y, dy, o, logSoftmaxGrad)
}

func gradRows(who string, dst, y, dy Matrix, o *Options, do func(dst, y, dy []float64, scale float64)) {
	if !checkPair(who, "y", &dst, &y) || !checkPair(who, "dy", &dst, &dy) {
		return
	}
	if err := o.Check(); err != nil {
		panic(err.Error())
	}
	scale := 1.0
	if o != nil && o.Scale != 0 {
		scale = o.Scale
	}
	if g := o.goroutines(dst.Rows * dst.Cols); g > 1 {
		shareGrad(g, dst, y, dy, scale, do)
		return
	}
	for i := range dst.Rows {
		do(row(&dst, i), row(&y, i), row(&dy, i), scale)
	}
}

func shareGrad(g int, dst, y, dy Matrix, scale float64, do func(dst, y, dy []float64, scale float64)) {
	parallel.Do(g, dst.Rows, func(i int) { do(row(&dst, i), row(&y, i), row(&dy, i), scale) })
}

func softmaxGrad(dst, y, dy []float64, scale float64) {
	arith64.SoftmaxGrad(dst, y, dy, arith64.Dot(y, dy), scale)
}

func logSoftmaxGrad(dst, y, dy []float64, scale float64) {
	total := arith64.Dot(nil, dy)
	b := bufferPool.Get().(*buffers)
	st, f := arith64.ExpOf()
	for at := 0; at < len(y); at += arith64.Chunk {
		end := min(at+arith64.Chunk, len(y))
		p := b.in[:end-at]
		arith64.MinZero(p, y[at:end])
		arith64.ExpScale(arith64.Best, p, p, &st, &f)
		arith64.LogSoftmaxGrad(dst[at:end], p, dy[at:end], total, scale)
	}
	bufferPool.Put(b)
}
