//go:build !purego

package arith64

import "github.com/twopass-softmax/twopass/native/internal/arith"

// takesAll reports whether a level's kernels take what is left behind whole turns.
func takesAll(Level) bool { return false }

// BeforeGo is the level for n elements where Go computes on with what kernels leave.
func BeforeGo(l Level, _ int) Level { return l }

// The kernels.

func maxTurns(l Level, src []float64) float64 {
	switch l {
	case arith.NEON:
		return maxNEON(src)
	}
	return maxPlain(src)
}

func sumTurns(l Level, src []float64, st *Sum) {
	switch l {
	case arith.NEON:
		sumNEON(src, st)
	default:
		sumPlain(src, st)
	}
}

func sumStoreTurns(l Level, dst, src []float64, st *Sum) {
	switch l {
	case arith.NEON:
		sumStoreNEON(dst, src, st)
	default:
		sumStorePlain(dst, src, st)
	}
}

func scaleTurns(l Level, dst, src []float64, f *Factor) {
	switch l {
	case arith.NEON:
		scaleNEON(dst, src, f)
	default:
		scalePlain(dst, src, f)
	}
}

func expScaleTurns(l Level, dst, src []float64, st *Sum, f *Factor) {
	switch l {
	case arith.NEON:
		expScaleNEON(dst, src, st, f)
	default:
		expScalePlain(dst, src, st, f)
	}
}

func logSubTurns(l Level, dst, src []float64, m, scale, b float64) {
	switch l {
	case arith.NEON:
		logSubNEON(dst, src, m, scale, b)
	default:
		logSubPlain(dst, src, m, scale, b)
	}
}

func softmaxRows(Level, *float64, *float64, int, int, int, int, *Scale) int { return 0 }

func sumRow(Level, *float64, int, *Scale, *[3]float64) bool { return false }

// There are no kernels of elements.

func totalRow(Level, []float64) (float64, bool) { return 0, false }

func softmaxGradRow(Level, []float64, []float64, []float64, float64) bool { return false }

func logSoftmaxGradRow(Level, []float64, []float64, []float64, float64, float64) bool { return false }

func scaleAdd(Level, []float64, []float64, []float64, float64) bool { return false }

func keepLanes(Level, []float64, []bool) bool { return false }
