package native

import (
	"math"
	"unsafe"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// logRows does rows for logarithms, of matrices that fit. Most go without a [call], which takes longer than a
// short row.
func logRows[D, S Element](who string, op op, dst *Matrix[D], src *Matrix[S], index []int, o *Options) {
	done, n := 0, src.Rows*src.Cols
	if src.Cols <= 2*arith.Turn && (o == nil || uint(o.Goroutines) <= 1) {
		n = min(n, callLen) // rows that a kernel does one by one
	}
	if unsafe.Sizeof(*new(D)) == 4 && unsafe.Sizeof(*new(S)) == 4 && uint(src.Cols-1) < wholeRow && o.simple(n) {
		done = simpleLogs(op, (*Matrix[float32])(unsafe.Pointer(dst)), (*Matrix[float32])(unsafe.Pointer(src)), index, o)
		if done == src.Rows {
			return
		}
	}
	runRows(who, op, done, dst, src, index, o)
}

// simpleLogs does rows with simple options, until one that is not regular, and returns how many.
func simpleLogs(op op, dst, src *Matrix[float32], index []int, o *Options) int {
	r := &plainLogs{op: op, cols: src.Cols, dst: dst.Data, src: src.Data, dstStride: dst.Stride, srcStride: src.Stride, index: index, factor: 1}
	if o != nil && o.Scale != 0 {
		r.factor = o.Scale
	}
	r.scale.Set(r.factor)
	if op != opLogProbs && r.factor == 1 && (r.cols <= arith.Turn || r.cols == 2*arith.Turn) {
		return r.short(src.Rows)
	}
	if src.Rows == 1 {
		var sum [1]arith.RowSum // to clear more takes as long as a short row
		return r.do(0, 1, sum[:])
	}
	return r.all(0, src.Rows)
}

// plainLogs is rows of float32 for logarithms that have a scale at most.
type plainLogs struct {
	op                   op
	cols                 int
	dst, src             []float32
	dstStride, srcStride int
	index                []int // of LogProbs, one for each row
	factor               float32
	scale                arith.Rows
}

// all is do with as many sums as are worth while.
func (r *plainLogs) all(first, end int) int {
	var sums [32]arith.RowSum
	return r.do(first, end, sums[:])
}

// do does the rows from first to before end, until one that is not regular, which it returns.
func (r *plainLogs) do(first, end int, sums []arith.RowSum) int {
	if r.cols <= severalMost || r.op == opLogProbs {
		return r.defined(first, end, sums)
	}
	for ok := true; ok; {
		if first = r.ordinaryRows(first, end); first == end {
			return end
		}
		first, ok = r.few(first, end)
	}
	return first
}

// short is do for rows that are short enough for [arith.LogRow]. It is apart so that the linker leaves LogRow out of
// programs without logarithms.
func (r *plainLogs) short(end int) (first int) {
	for ok := true; ok; {
		if first = r.shortRows(first, end); first == end {
			return end
		}
		first, ok = r.few(first, end)
	}
	return first
}

// few does several rows as they are defined: where a kernel leaves one, more often follow. It is not ok if one of them is
// not regular.
func (r *plainLogs) few(first, end int) (next int, ok bool) {
	var sums [32]arith.RowSum
	end = min(first+len(sums), end)
	next = r.defined(first, end, sums[:])
	return next, next == end
}

// shortRows does rows by [arith.LogRow], until one that it leaves.
func (r *plainLogs) shortRows(first, end int) int {
	for i := first; i < end; i++ {
		src, dst := r.src[i*r.srcStride:][:r.cols], r.dst[i*r.dstStride:]
		if r.op == opLogSoftmax {
			dst = dst[:r.cols]
			_, how, m := arith.LogRow(&dst[0], &src[0], r.cols)
			if how != arith.RowDone && (how != arith.RowMayBeSure || !sureLogSoftmax(dst, src, m)) {
				return i
			}
			continue
		}
		y, how, m := arith.LogRow(nil, &src[0], r.cols)
		if how == arith.RowMayBeSure {
			y, how = sureLog(src, m)
		}
		if how != arith.RowDone {
			return i
		}
		dst[0] = y
	}
	return end
}

// sureLog is the log-sum-exp of a row that may be sure, with the largest element m, or nothing if it is not.
func sureLog(src []float32, m float32) (y float32, how uint8) {
	s, sure, _ := arith.SureAlone(src, m, &arith.One)
	if !sure {
		return 0, arith.RowLeft
	}
	return float32(float64(s.Max) + s.Excess(1)), arith.RowDone
}

// sureLogSoftmax writes the log-softmax of such a row, or returns false.
func sureLogSoftmax(dst, src []float32, m float32) bool {
	s, sure, _ := arith.SureAlone(src, m, &arith.One)
	if sure {
		arith.LogSub(dst, src, s.Max, 1, float32(s.Excess(1)))
	}
	return sure
}

// defined is do by the definition's kernel: it sums as many rows as stay in the first cache, then writes their results.
func (r *plainLogs) defined(first, end int, sums []arith.RowSum) int {
	batch := min(max(blockLen/r.cols, 1), len(sums))
	for i := first; i < end; {
		n := min(end-i, batch)
		done := arith.SumRows(r.src[i*r.srcStride:], n, r.cols, r.srcStride, sums[:n], &r.scale)
		for k := range sums[:done] {
			s := &sums[k]
			if s.Sure() {
				arith.Best.SumOthers(r.src[(i+k)*r.srcStride:][:r.cols], s, &r.scale.Scale)
			}
			excess := s.Excess(r.factor)
			dst, src := (i+k)*r.dstStride, (i+k)*r.srcStride
			switch r.op {
			case opLogSumExp:
				r.dst[dst] = float32(float64(float64(s.Max)*float64(r.factor)) + excess)
			case opLogProbs:
				r.dst[dst] = arith.LogSubOne(r.src[src+r.index[i+k]], s.Max, r.factor, float32(excess))
			default:
				r.logSub(r.dst[dst:dst+r.cols], r.src[src:src+r.cols], s.Max, float32(excess))
			}
		}
		if i += done; done < n {
			return i
		}
	}
	return end
}

// logSub is log-softmax's second pass over elements of a row with the largest element m.
func (r *plainLogs) logSub(dst, src []float32, m, excess float32) {
	if math.Abs(float64(m)) < arith.SubFarFrom {
		arith.LogSub(dst, src, m, r.factor, excess)
	} else {
		arith.LogSubFar(dst, src, m, r.factor, excess)
	}
}
