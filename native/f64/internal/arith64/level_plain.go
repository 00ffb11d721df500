//go:build (!amd64 && !arm64) || purego

package arith64

// The kernels.

func maxTurns(_ Level, src []float64) float64 {
	return maxPlain(src)
}

func sumTurns(_ Level, src []float64, st *Sum) {
	sumPlain(src, st)
}

func sumStoreTurns(_ Level, dst, src []float64, st *Sum) {
	sumStorePlain(dst, src, st)
}

func scaleTurns(_ Level, dst, src []float64, f *Factor) {
	scalePlain(dst, src, f)
}

func expScaleTurns(_ Level, dst, src []float64, st *Sum, f *Factor) {
	expScalePlain(dst, src, st, f)
}

func logSubTurns(_ Level, dst, src []float64, m, scale, b float64) {
	logSubPlain(dst, src, m, scale, b)
}
