package arith64

import (
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Level is a set of instructions, that of float32.
type Level = arith.Level

// Best is the level that is used, Plain the one in Go.
var (
	Best  = arith.Best
	Plain = arith.Plain
)

// rest is the elements behind the last whole turn of src, with -Inf behind them.
func rest(src []float64) (x [Turn]float64) {
	for i := copy(x[:], src[len(src)&^(Turn-1):]); i < Turn; i++ {
		x[i] = negInf
	}
	return x
}

// whole is the number of elements that a kernel takes: all, or whole turns.
func whole(l Level, src []float64) int {
	if takesAll(l) {
		return len(src)
	}
	return len(src) &^ (Turn - 1)
}

// Max is the largest element, -Inf if there is none. A NaN counts as -Inf, and zeros are +0.
func Max(l Level, src []float64) float64 {
	n := whole(l, src)
	m := negInf
	if n > 0 {
		m = maxTurns(l, src[:n])
	}
	if m = max(m, maxPlain(src[n:])); m == 0 {
		return 0
	}
	return m
}

// AddExp sets st to the sum of the exponentials of src.
func AddExp(l Level, src []float64, st *Sum) {
	n := whole(l, src)
	if n == 0 || !takesAll(l) {
		st.reset()
	}
	if n > 0 {
		sumTurns(l, src[:n], st)
	}
	if n < len(src) {
		x := rest(src)
		sumTurns(l, x[:], st)
	}
}

// StoreExp is AddExp, and stores the exponentials.
func StoreExp(l Level, dst, src []float64, st *Sum) {
	n := whole(l, src)
	if n == 0 || !takesAll(l) {
		st.reset()
	}
	if n > 0 {
		sumStoreTurns(l, dst[:n], src[:n], st)
	}
	if n < len(src) {
		x := rest(src)
		sumStoreTurns(l, x[:], x[:], st)
		copy(dst[n:], x[:])
	}
}

// ScaleStored is the second pass over stored exponentials.
func ScaleStored(l Level, dst, src []float64, f *Factor) {
	n := whole(l, src)
	if n > 0 {
		scaleTurns(l, dst[:n], src[:n], f)
	}
	scalePlain(dst[n:], src[n:], f)
}

// ExpScale is the second pass over the elements themselves.
func ExpScale(l Level, dst, src []float64, st *Sum, f *Factor) {
	n := whole(l, src)
	if n > 0 {
		expScaleTurns(l, dst[:n], src[:n], st, f)
	}
	if n < len(src) {
		x := rest(src)
		expScaleTurns(l, x[:], x[:], st, f)
		copy(dst[n:], x[:])
	}
}

// LogSub is (x - m) * scale - b for each element x.
func LogSub(l Level, dst, src []float64, m, scale, b float64) {
	if math.Abs(m) >= subFarFrom {
		logSubFar(dst, src, m, scale, b)
		return
	}
	n := whole(l, src)
	if n > 0 {
		logSubTurns(l, dst[:n], src[:n], m, scale, b)
	}
	logSubPlain(dst[n:], src[n:], m, scale, b)
}

// SoftmaxRows does rows of 1 to Turn elements, that begin at the strides, until one that is far from 0 or
// not regular, and returns how many it did. Without kernels for that it is 0.
func SoftmaxRows(l Level, dst, src []float64, rows, cols, dstStride, srcStride int, s *Scale) int {
	if rows <= arith.Call/Turn {
		return softmaxRows(l, &dst[0], &src[0], rows, cols, dstStride, srcStride, s)
	}
	done := 0
	for done < rows {
		n := min(rows-done, arith.Call/Turn)
		k := softmaxRows(l, &dst[done*dstStride], &src[done*srcStride], n, cols, dstStride, srcStride, s)
		if done += k; k < n {
			break
		}
	}
	return done
}

// SumRow is the sum of the exponentials of 1 to Turn elements, in two, and the largest element. It is false for
// a row that is far from 0 or not regular, and without a kernel for that; and where the lower part is so small
// that it may not have what elements add that are too small to count, which the kernel leaves out.
func SumRow(l Level, src []float64, s *Scale) (hi, lo, m float64, ok bool) {
	var t [3]float64
	if !sumRow(l, &src[0], len(src), s, &t) || !(math.Abs(t[1]) >= 0x1p-900) {
		return 0, 0, 0, false
	}
	return 0.5 * t[0], 0.5 * t[1], t[2] + 0, true // -0 becomes 0
}
