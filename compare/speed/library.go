package speed

import (
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
)

// Library is other software's softmax, which is timed and measured beside both sides.
type Library struct {
	// Name is what people call it, Entry its function in results.
	Name, Function string
	// Available is nil, or says why the library is not here. Version is that of the
	// library that runs; empty if it is not here.
	Available error
	Version   string
	// Bind has everything ready for the softmax of rows of cols elements, which lie
	// one after the other and stay where they are, on a number of threads. Done
	// frees what run has.
	Bind func(dst, src []float32, rows, cols, threads int) (run, done func(), err error)
	// Goroutines is whether threads are goroutines, Rest how long they stay busy after a
	// call if they are the library's own.
	Goroutines bool
	Rest       time.Duration
	// Most is the number of elements beyond which it is not timed; 0 is no limit.
	Most int
}

// Benchmark is the library on rows of one shape.
func (l *Library) Benchmark(rows, cols, threads int) Benchmark {
	c := Benchmark{Name: l.Function, Goroutines: l.Goroutines && threads > 1, Bind: func(dst, src []float32) (run, done func(), err error) {
		return l.Bind(dst, src, rows, cols, threads)
	}}
	if threads > 1 {
		c.Rest = l.Rest
	}
	return c
}

// OnRow is the library on one row, whatever its length, on one thread.
func (l *Library) OnRow() Benchmark {
	return Benchmark{Name: l.Function, Bind: func(dst, src []float32) (run, done func(), err error) {
		return l.Bind(dst, src, 1, len(src), 1)
	}}
}

// goMost is how many elements a loop in Go is timed on: it computes for so long that
// its time per element is the same on longer rows, and these would take minutes.
const goMost = 1 << 20

// GoLibraries are what a Go programmer has without this module: a loop over
// [math.Exp], and gonum. They are always here.
func GoLibraries() []Library {
	return []Library{
		{Name: GoLoop, Function: GoLoop, Version: runtime.Version(), Most: goMost, Goroutines: true, Bind: bindGo(func() func(dst, src []float32) { return goSoftmax })},
		{Name: "gonum", Function: Gonum, Version: gonumVersion(), Most: goMost, Goroutines: true, Bind: bindGo(newGonum)},
	}
}

// bindGo shares rows among goroutines that each have a function of their own.
func bindGo(newSoftmax func() func(dst, src []float32)) func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	return func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
		// Goroutines are told apart by their first row.
		softmaxes := make([]func(dst, src []float32), rows)
		for i := range softmaxes {
			softmaxes[i] = newSoftmax()
		}
		span := func(first, end int) {
			for i, softmax := first, softmaxes[first]; i < end; i++ {
				softmax(dst[i*cols:(i+1)*cols], src[i*cols:(i+1)*cols])
			}
		}
		run = func() { span(0, rows) }
		if threads > 1 {
			run = func() { parallel.Share(threads, rows, 1, span) }
		}
		return run, func() {}, nil
	}
}

// goSoftmax is softmax as a loop over [math.Exp], in float64 as far as that costs no time.
func goSoftmax(dst, src []float32) {
	max := float32(math.Inf(-1))
	for _, x := range src {
		if x > max {
			max = x
		}
	}
	sum := 0.0
	for i, x := range src {
		e := math.Exp(float64(x) - float64(max))
		dst[i] = float32(e)
		sum += e
	}
	scale := float32(1 / sum)
	for i := range dst {
		dst[i] *= scale
	}
}

// newGonum is softmax by gonum's [floats.LogSumExp], which takes float64: the row is
// copied to a buffer that calls after the first have.
func newGonum() func(dst, src []float32) {
	var row []float64
	return func(dst, src []float32) {
		row = row[:0]
		for _, x := range src {
			row = append(row, float64(x))
		}
		log := floats.LogSumExp(row)
		for i, x := range row {
			dst[i] = float32(math.Exp(x - log))
		}
	}
}

// gonumVersion is that of the module that is linked in; empty where the build does not
// tell, as under Bazel.
func gonumVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "gonum.org/v1/gonum" {
			return m.Version
		}
	}
	return ""
}
