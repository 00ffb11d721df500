package native

import (
	"runtime/debug"

	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
)

// ChunkLen is the length of a row from which goroutines share it.
const ChunkLen = arith.Chunk

// TouchFrom is the number of 16-bit elements from which on they are asked for ahead of time.
const TouchFrom = touchFrom

// CallLen is how many elements of a matrix one call of a kernel takes.
const CallLen = callLen

var RowsOfCall = rowsOfCall

const RaceEnabled = raceEnabled

var Parallel = parallel.Do

// OrdinaryLogs are the logarithms of a row of several chunks by the faster kernels, and whether these do the row.
func OrdinaryLogs(dst, src []float32) (sum float32, sumDone, softmaxDone bool) {
	j := newJob(dst, src)
	sum, sumDone = j.ordinaryLogSumExp()
	return sum, sumDone, j.ordinaryLogSoftmax()
}

// TopMemory is how many bytes TopK takes to look for k of n elements, but for sorting.
func TopMemory(k, n int) int {
	var t top
	t.begin(k, n)
	return 8*(cap(t.lanes.x)+cap(t.candidates.x)+len(t.ranks)) + 4*len(t.tops)
}

// Goroutines share few elements in tests. Tests make so many short-lived rows that collecting them took a
// seventh of the time.
func init() {
	vectorLeast, scalarLeast = 1<<12, 1<<12
	debug.SetGCPercent(400)
}

var (
	VectorLeast, ScalarLeast               = &vectorLeast, &scalarLeast
	DefaultVectorLeast, DefaultScalarLeast = vectorLeast, scalarLeast
)

// Plan is what is done with rows of float32, or with 16-bit results.
func Plan(rows, cols int, half bool, o *Options) (algorithm Algorithm, goroutines int, why string) {
	src := Matrix[float32]{rows, cols, make([]float32, rows*cols), cols}
	var c call
	begin(&c, opSoftmax, &src, &src, o)
	if half {
		c = call{}
		begin(&c, opSoftmax, &Matrix[Float16]{rows, cols, make([]Float16, rows*cols), cols}, &src, o)
	}
	return c.plan.algorithm, c.plan.goroutines, c.plan.why
}
