package f64

import (
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Softmax writes exp(x) / sum(exp(x)) for each element x of src to dst. It panics if the lengths
// differ, or if dst overlaps src without being src itself. An empty row writes nothing.
//
// The relative error of a result is at most 7 * 2^-53, whatever the length of the row and the
// distance to the maximum. A result below 2^-1022 is 0. The package comment has the special values.
func Softmax(dst, src []float64) {
	if !shape.Fits(dst, src) {
		shape.CheckRow("f64.Softmax", "src", dst, src)
	}
	if n := len(src); uint(n-1) >= arith64.Turn || arith64.SoftmaxRows(arith64.Best, dst, src, 1, n, 0, 0, &arith64.One) == 0 {
		softmaxLong(dst, src)
	}
}

// softmaxLong does a row that is long or not regular. It is apart from Softmax, whose call would take longer
// with this one's frame.
//
//go:noinline
func softmaxLong(dst, src []float64) {
	if uint(len(src)-1) >= arith64.Chunk || !softmaxChunk(arith64.Best, dst, src, &arith64.One) {
		j := newJob(dst, src)
		j.softmax()
		j.release()
	}
}

// LogSoftmax writes x - log(sum(exp(x))) for each element x of src to dst, under the terms of
// [Softmax]. The absolute error of a result y is at most 2^-51 + 2^-52 * |y|. The error of the
// largest result is also relative: at most 2^-49 * |y|, or 2^-1022 if that is more.
func LogSoftmax(dst, src []float64) {
	shape.CheckRow("f64.LogSoftmax", "src", dst, src)
	if uint(len(src)-1) < arith64.Chunk {
		if t, ok := sumLogChunk(arith64.Best, src, &arith64.One); ok {
			h, l := t.excess(&arith64.One)
			arith64.LogSub(arith64.BeforeGo(arith64.Best, len(src)), dst, src, t.max, 1, h+l)
			return
		}
	}
	j := newJob(dst, src)
	j.tried = true
	j.logSoftmax()
	j.release()
}

// LogSumExp returns log(sum(exp(x))) over the elements x of src, -Inf if there are none. The
// absolute error of a result y is at most 2^-51 + 2^-53 * |y|.
func LogSumExp(src []float64) float64 {
	if uint(len(src)-1) < arith64.Chunk {
		if t, ok := sumLogChunk(arith64.Best, src, &arith64.One); ok {
			return t.log(t.max, &arith64.One)
		}
	}
	j := newJob(nil, src)
	j.tried = true
	total, kind := j.sumLog()
	j.release()
	return j.logSumExp(&total, kind)
}

func newJob(dst, src []float64) job {
	return job{level: arith64.Best, src: src, dst: dst, mul: 1, scale: arith64.One}
}
