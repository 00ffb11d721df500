package native

import (
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Softmax writes exp(x) / sum(exp(x)) for each element x of src to dst. It panics if the lengths
// differ, or if dst overlaps src without being src itself. An empty row writes nothing.
//
// The relative error of a result is at most 6 * 2^-24, or 7 * 2^-24 if an element of the row is
// beyond 16,384 in size, whatever the length of the row and the distance to the maximum. A result
// below 2^-126 is 0, and one below 2^-126 * (1 + 2^-20) may be. The package comment has the special
// values.
func Softmax(dst, src []float32) {
	if !shape.Fits(dst, src) {
		checkRow("native.Softmax", "src", dst, src)
	}
	if n := len(src); uint(n-1) >= arith.Turn && n != 2*arith.Turn || !arith.SoftmaxRow(&dst[0], &src[0], n) {
		softmaxLong(dst, src)
	}
}

// softmaxLong does a row that is long or has elements that are not near. It is apart from Softmax,
// whose call would take twice as long with this one's frame.
//
//go:noinline
func softmaxLong(dst, src []float32) {
	n := len(src)
	if n == 0 {
		return
	}
	r := arith.OneRows
	if n <= wholeRow && arith.SoftmaxRows(dst, src, 1, n, n, n, &r) == 1 {
		return
	}
	j := newJob(dst, src)
	if n < recomputeFrom || r.At > 0 {
		j.e = dst
	}
	j.softmaxFrom(r.N, r.At)
	j.release()
}

// LogSoftmax writes x - log(sum(exp(x))) for each element x of src to dst, under the terms of
// [Softmax]. The absolute error of a result y is at most 2^-22 + 2^-23 * |y|. The error of the
// largest result is also relative: at most 2^-21 * |y|, or 2^-149 if that is more.
func LogSoftmax(dst, src []float32) {
	if !shape.Fits(dst, src) {
		checkRow("native.LogSoftmax", "src", dst, src)
	}
	n := uint(len(src))
	if n-1 < arith.Turn || n == 2*arith.Turn {
		_, how, m := arith.LogRow(&dst[0], &src[0], int(n))
		if how == arith.RowDone || how == arith.RowMayBeSure && sureLogSoftmax(dst, src, m) {
			return
		}
	} else if n > arith.Turn && n <= wholeRow {
		if largest, excess, ok := ordinaryExcess(dst, src, &arith.One, 1); ok {
			arith.LogSub(dst, dst, largest, 1, excess)
			return
		}
	}
	logSoftmaxLong(dst, src)
}

//go:noinline
func logSoftmaxLong(dst, src []float32) {
	n := len(src)
	if uint(n-1) < wholeRow {
		var s [1]arith.RowSum
		if arith.SumRows(src, 1, n, n, s[:], &arith.OneRows) == 1 {
			if s[0].Sure() {
				arith.Best.SumOthers(src, &s[0], &arith.One)
			}
			arith.LogSub(dst, src, s[0].Max, 1, float32(s[0].Excess(1)))
			return
		}
	}
	j := newJob(dst, src)
	j.log = true
	j.logSoftmax()
	j.release()
}

// LogSumExp returns log(sum(exp(x))) over the elements x of src, -Inf if there are none. The
// absolute error of a result y is at most 2^-22 + 2^-24 * |y|.
func LogSumExp(src []float32) float32 {
	n := uint(len(src))
	if n-1 < arith.Turn || n == 2*arith.Turn {
		y, how, m := arith.LogRow(nil, &src[0], int(n))
		if how == arith.RowMayBeSure {
			y, how = sureLog(src, m)
		}
		if how == arith.RowDone {
			return y
		}
	} else if n > arith.Turn && n <= wholeRow {
		if y, ok := ordinaryLog(src, &arith.One, 1); ok {
			return y
		}
	}
	return logSumExpLong(src)
}

//go:noinline
func logSumExpLong(src []float32) float32 {
	n := len(src)
	if uint(n-1) < wholeRow {
		var s [1]arith.RowSum
		if arith.SumRows(src, 1, n, n, s[:], &arith.OneRows) == 1 {
			if s[0].Sure() {
				arith.Best.SumOthers(src, &s[0], &arith.One)
			}
			return float32(float64(s[0].Max) + s[0].Excess(1))
		}
	}
	j := newJob(nil, src)
	j.log = true
	y := j.logSumExp()
	j.release()
	return y
}

func newJob(dst, src []float32) job {
	return job{level: arith.Best, src: operand{f: src}, dst: operand{f: dst}, mul: 1, scale: arith.One, factor: 1}
}
