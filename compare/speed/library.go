package speed

import (
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
)

// Library is the softmax of other software, timed and measured beside both sides.
type Library struct {
	// Name is the library's name in text, Function the name of its function in results.
	Name, Function string
	// Available is nil, or why the library is missing. Version is empty if it is.
	Available error
	Version   string
	// Bind prepares the softmax of rows of cols elements, without gaps between them,
	// on a number of threads; see [Benchmark.Bind].
	Bind func(dst, src []float32, rows, cols, threads int) (run, done func(), err error)
	// BindLoop, if not nil, is Bind for timing; see [Benchmark.BindLoop].
	BindLoop func(dst, src []float32, rows, cols, threads int) (loop func(times int) time.Duration, done func(), err error)
	// Goroutines reports whether threads are goroutines. Rest is how long the
	// library's own threads stay busy after a call.
	Goroutines bool
	Rest       time.Duration
	// Most is the largest number of elements that is timed; 0 is no limit.
	Most int
}

// Benchmark returns a benchmark of rows of one shape.
func (l *Library) Benchmark(rows, cols, threads int) Benchmark {
	b := l.benchmark(func(int) (int, int, int) { return rows, cols, threads })
	if threads > 1 {
		b.Goroutines, b.Rest = l.Goroutines, l.Rest
	}
	return b
}

// OnRow returns a benchmark of one row of any length, on one thread.
func (l *Library) OnRow() Benchmark {
	return l.benchmark(func(n int) (rows, cols, threads int) { return 1, n, 1 })
}

// benchmark is the library on n elements in the shape that shape(n) gives them.
func (l *Library) benchmark(shape func(n int) (rows, cols, threads int)) Benchmark {
	b := Benchmark{Name: l.Function, Bind: func(dst, src []float32) (run, done func(), err error) {
		rows, cols, threads := shape(len(src))
		return l.Bind(dst, src, rows, cols, threads)
	}}
	if l.BindLoop != nil {
		b.BindLoop = func(dst, src []float32) (loop func(times int) time.Duration, done func(), err error) {
			rows, cols, threads := shape(len(src))
			return l.BindLoop(dst, src, rows, cols, threads)
		}
	}
	return b
}

// goMost is the most elements that a loop in Go is timed on. It computes so long that longer rows
// take the same time per element, and minutes in all.
const goMost = 1 << 20

// GoLibraries returns what a Go programmer has without this module: a loop over [math.Exp], and
// gonum. They are always available.
func GoLibraries() []Library {
	return []Library{
		{Name: GoLoop, Function: GoLoop, Version: runtime.Version(), Most: goMost, Goroutines: true, Bind: bindGo(func() func(dst, src []float32) { return goSoftmax })},
		{Name: "gonum", Function: Gonum, Version: gonumVersion(), Most: goMost, Goroutines: true, Bind: bindGo(newGonum)},
	}
}

// bindGo shares rows among goroutines, each with a function of its own.
func bindGo(newSoftmax func() func(dst, src []float32)) func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	return func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
		// The first row of a goroutine selects its function.
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

// newGonum returns softmax by gonum's [floats.LogSumExp]. That takes float64: rows are copied to
// a buffer that is allocated once.
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

// gonumVersion is the version of the linked module; empty where the build doesn't record it, as
// under Bazel.
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
