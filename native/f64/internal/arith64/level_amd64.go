//go:build !purego

package arith64

import "github.com/twopass-softmax/twopass/native/internal/arith"

// takesAll reports whether a level's kernels take what is left behind whole turns.
func takesAll(l Level) bool { return l != arith.Plain }

// BeforeGo is the level for n elements where Go computes on with what kernels leave: Emerald Rapids takes some
// 45 ns longer for that after AVX-512.
func BeforeGo(l Level, n int) Level {
	if l == arith.AVX512 && n < 64 {
		return arith.AVX2
	}
	return l
}

// The kernels.

func maxTurns(l Level, src []float64) float64 {
	switch l {
	case arith.AVX512:
		return maxAVX512(src)
	case arith.AVX2:
		return maxAVX2(src)
	}
	return maxPlain(src)
}

func sumTurns(l Level, src []float64, st *Sum) {
	switch l {
	case arith.AVX512:
		sumAVX512(src, st)
	case arith.AVX2:
		sumAVX2(src, st)
	default:
		sumPlain(src, st)
	}
}

func sumStoreTurns(l Level, dst, src []float64, st *Sum) {
	switch l {
	case arith.AVX512:
		sumStoreAVX512(dst, src, st)
	case arith.AVX2:
		sumStoreAVX2(dst, src, st)
	default:
		sumStorePlain(dst, src, st)
	}
}

func scaleTurns(l Level, dst, src []float64, f *Factor) {
	switch l {
	case arith.AVX512:
		scaleAVX512(dst, src, f)
	case arith.AVX2:
		scaleAVX2(dst, src, f)
	default:
		scalePlain(dst, src, f)
	}
}

func expScaleTurns(l Level, dst, src []float64, st *Sum, f *Factor) {
	switch l {
	case arith.AVX512:
		expScaleAVX512(dst, src, st, f)
	case arith.AVX2:
		expScaleAVX2(dst, src, st, f)
	default:
		expScalePlain(dst, src, st, f)
	}
}

func logSubTurns(l Level, dst, src []float64, m, scale, b float64) {
	switch l {
	case arith.AVX512:
		logSubAVX512(dst, src, m, scale, b)
	case arith.AVX2:
		logSubAVX2(dst, src, m, scale, b)
	default:
		logSubPlain(dst, src, m, scale, b)
	}
}

func softmaxRows(l Level, dst, src *float64, rows, cols, dstStride, srcStride int, s *Scale) int {
	switch l {
	case arith.AVX512:
		return softmaxRowsAVX512(dst, src, rows, cols, dstStride, srcStride, s)
	case arith.AVX2:
		return softmaxRowsAVX2(dst, src, rows, cols, dstStride, srcStride, s)
	}
	return 0
}

func sumRow(l Level, src *float64, n int, s *Scale, t *[3]float64) bool {
	return l == arith.AVX2 && sumRowAVX2(src, n, s, t)
}

// The kernels of elements are false if there is none.

func totalRow(l Level, dy []float64) (float64, bool) {
	switch l {
	case arith.AVX512:
		return totalAVX512(dy), true
	case arith.AVX2:
		return totalAVX2(dy), true
	}
	return 0, false
}

func softmaxGradRow(l Level, dst, y, dy []float64, scale float64) bool {
	switch l {
	case arith.AVX512:
		softmaxGradAVX512(dst, y, dy, scale)
	case arith.AVX2:
		softmaxGradAVX2(dst, y, dy, scale)
	default:
		return false
	}
	return true
}

func logSoftmaxGradRow(l Level, dst, p, dy []float64, total, scale float64) bool {
	switch l {
	case arith.AVX512:
		logSoftmaxGradAVX512(dst, p, dy, total, scale)
	case arith.AVX2:
		logSoftmaxGradAVX2(dst, p, dy, total, scale)
	default:
		return false
	}
	return true
}

func scaleAdd(l Level, dst, src, add []float64, mul float64) bool {
	switch l {
	case arith.AVX512:
		scaleAddAVX512(dst, src, add, mul)
	case arith.AVX2:
		scaleAddAVX2(dst, src, add, mul)
	default:
		return false
	}
	return true
}

func keepLanes(l Level, dst []float64, keep []bool) bool {
	switch l {
	case arith.AVX512:
		keepAVX512(dst, keep)
	case arith.AVX2:
		keepAVX2(dst, keep)
	default:
		return false
	}
	return true
}
