//go:build !amd64 || purego

package arith64

// takesAll reports whether a level's kernels take what is left behind whole turns.
func takesAll(Level) bool { return false }

// BeforeGo is the level for n elements where Go computes on with what kernels leave.
func BeforeGo(l Level, _ int) Level { return l }

// There are no kernels of short rows and of elements.

func softmaxRows(Level, *float64, *float64, int, int, int, int, *Scale) int { return 0 }

func sumRow(Level, *float64, int, *Scale, *[3]float64) bool { return false }

func totalRow(Level, []float64) (float64, bool) { return 0, false }

func softmaxGradRow(Level, []float64, []float64, []float64, float64) bool { return false }

func logSoftmaxGradRow(Level, []float64, []float64, []float64, float64, float64) bool { return false }

func scaleAdd(Level, []float64, []float64, []float64, float64) bool { return false }

func keepLanes(Level, []float64, []bool) bool { return false }
