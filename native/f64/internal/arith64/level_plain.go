//go:build (!amd64 && !arm64) || purego

package arith64

// takesAll reports whether a level's kernels take what is left behind whole turns.
func takesAll(Level) bool { return false }

// BeforeGo is the level for n elements where Go computes on with what kernels leave.
func BeforeGo(l Level, _ int) Level { return l }

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

func softmaxRows(Level, *float64, *float64, int, int, int, int, *Scale) int { return 0 }

func sumRow(Level, *float64, int, *Scale, *[3]float64) bool { return false }

// There are no kernels of elements.

func totalRow(Level, []float64) (float64, bool) { return 0, false }

func softmaxGradRow(Level, []float64, []float64, []float64, float64) bool { return false }

func logSoftmaxGradRow(Level, []float64, []float64, []float64, float64, float64) bool { return false }

func scaleAdd(Level, []float64, []float64, []float64, float64) bool { return false }

func keepLanes(Level, []float64, []bool) bool { return false }
