//go:build !purego

package arith64

import "github.com/twopass-softmax/twopass/native/internal/arith"

// The kernels.

func maxTurns(l Level, src []float64) float64 {
	if l == arith.NEON {
		return maxNEON(src)
	}
	return maxPlain(src)
}

func sumTurns(l Level, src []float64, st *Sum) {
	if l == arith.NEON {
		sumNEON(src, st)
	} else {
		sumPlain(src, st)
	}
}

func sumStoreTurns(l Level, dst, src []float64, st *Sum) {
	if l == arith.NEON {
		sumStoreNEON(dst, src, st)
	} else {
		sumStorePlain(dst, src, st)
	}
}

func scaleTurns(l Level, dst, src []float64, f *Factor) {
	if l == arith.NEON {
		scaleNEON(dst, src, f)
	} else {
		scalePlain(dst, src, f)
	}
}

func expScaleTurns(l Level, dst, src []float64, st *Sum, f *Factor) {
	if l == arith.NEON {
		expScaleNEON(dst, src, st, f)
	} else {
		expScalePlain(dst, src, st, f)
	}
}

func logSubTurns(l Level, dst, src []float64, m, scale, b float64) {
	if l == arith.NEON {
		logSubNEON(dst, src, m, scale, b)
	} else {
		logSubPlain(dst, src, m, scale, b)
	}
}
