package speed

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/arithmetic"
	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/internal/traffic"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Benchmark is a function of rows that [Timer.TimeRows] can time.
type Benchmark struct {
	Name string
	// Kernels names the kernels of an algorithm's passes, for the record.
	Kernels []string
	// Computes is the quantity whose errors can be measured.
	Computes Quantity
	// Run writes to dst, which is as long as src. A [LogSumExp] writes dst[0] only.
	Run func(dst, src []float32)
	// Loop, if not nil, runs the function a number of times and returns how long
	// that took, by its own clock: a loop in another language.
	Loop func(dst, src []float32, times int) time.Duration
	// Bind, if not nil, takes the place of Run. It is called once for each thread,
	// before any timing, and prepares a row and an output that stay where they are.
	// Run computes, done frees what Bind allocated.
	Bind func(dst, src []float32) (run, done func(), err error)
	// BindLoop, if not nil, takes the place of Bind in timing, and has a loop as Loop is.
	BindLoop func(dst, src []float32) (loop func(times int) time.Duration, done func(), err error)
	// Goroutines reports whether a call starts goroutines and waits for them.
	Goroutines bool
	// Rest is how long the benchmark's own threads stay busy after a call. Nothing
	// is timed meanwhile.
	Rest time.Duration
}

// Quantity is what a [Benchmark] computes of a row.
type Quantity uint8

const (
	// Softmax is exp(x) / sum(exp(x)) of every element.
	Softmax Quantity = iota
	// LogSoftmax is its logarithm.
	LogSoftmax
	// LogSumExp is log(sum(exp(x))), one number for a row.
	LogSumExp
)

// Ready prepares b for a row and an output that stay where they are. Run computes, done frees
// what Ready allocated.
func (b *Benchmark) Ready(dst, src []float32) (run, done func(), err error) {
	if b.Bind != nil {
		return b.Bind(dst, src)
	}
	return func() { b.Run(dst, src) }, func() {}, nil
}

// on prepares b for a workload.
func (b *Benchmark) on(w *Workload) (f timed, done func(), err error) {
	dst, src := w.Row()
	f = timed{goroutines: b.Goroutines, rest: b.Rest}
	if b.BindLoop != nil {
		f.loop, done, err = b.BindLoop(dst, src)
		f.run = func() { f.loop(1) }
		return f, done, err
	}
	if b.Bind == nil && b.Loop != nil {
		f.loop = func(times int) time.Duration { return b.Loop(dst, src, times) }
	}
	f.run, done, err = b.Ready(dst, src)
	return f, done, err
}

// FromC returns a benchmark of softmax as a program in C would call it: rows of cols elements, by
// an algorithm composed of a side's kernels with these names. Several goroutines share the rows,
// and each calls C once for its part. The side's InC must not be nil.
func FromC(name string, from side.Side, a ukernel.Algorithm, kernels []string, cols, goroutines int) Benchmark {
	opts := xnnpack.Options{Algorithm: a, Kernels: kernels}
	loop := func(dst, src []float32, times int) time.Duration {
		took, err := from.InC(dst, src, cols, times, opts)
		if err != nil {
			panic(err) // the names are the side's own
		}
		return took
	}
	c := Benchmark{Name: name, Kernels: kernels, Goroutines: goroutines > 1, Run: func(dst, src []float32) {
		parallel.Share(goroutines, len(src), cols, func(first, end int) { loop(dst[first:end], src[first:end], 1) })
	}}
	if goroutines == 1 {
		c.Loop = loop
	}
	return c
}

// wakeRow is the length below which threads call a benchmark several times in a turn: waking a
// thread takes as long as a few thousand elements.
const wakeRow = 1 << 16

// TimeRows times benchmarks against each other on a number of threads. Each thread has a row of
// its own, and all rows together have the given number of elements. TimeRows returns samples in
// nanoseconds, and the number of elements that one call processes on all threads together. It
// returns the error of a benchmark's Bind.
func (t Timer) TimeRows(benchmarks []Benchmark, elements, threads int) (s Samples, perCall int, err error) {
	n := max(elements/threads, 1)
	work := make([]*Workload, threads)
	for i := range work {
		work[i] = NewWorkload(n)
	}
	// bound has the functions of a benchmark, one for each thread.
	bound := make([][]timed, len(benchmarks))
	for i := range benchmarks {
		for _, w := range work {
			run, done, err := benchmarks[i].on(w)
			if err != nil {
				return s, 0, fmt.Errorf("%s: %w", benchmarks[i].Name, err)
			}
			defer done()
			bound[i] = append(bound[i], run)
		}
	}
	fs := make([]timed, len(benchmarks))
	for i := range benchmarks {
		fs[i] = bound[i][0]
	}
	if threads == 1 {
		return t.time(fs), n, nil
	}
	turns := max(wakeRow/n, 1)
	team := newTeam(threads)
	defer team.close()
	for i := range benchmarks {
		task := func(thread int) {
			f := bound[i][thread]
			if f.loop != nil {
				f.loop(turns)
				return
			}
			for range turns {
				f.run()
			}
		}
		fs[i].loop = nil
		fs[i].run = func() { team.run(task) }
	}
	return t.time(fs), n * turns * threads, nil
}

// Traffic returns benchmarks that move data and compute nothing. Limit moves what softmax of a
// row beyond the caches has to move: it reads the row, then reads it again and writes as much
// around the caches.
func Traffic() (read, copied, around, limit Benchmark) {
	return Benchmark{Name: "read", Run: func(_, src []float32) { traffic.Read(src) }},
		Benchmark{Name: "copy", Run: traffic.Copy},
		Benchmark{Name: "copy, non-temporal", Run: traffic.CopyAround},
		Benchmark{Name: Limit, Run: func(dst, src []float32) { traffic.Read(src); traffic.CopyAround(dst, src) }}
}

// Streams reports whether this architecture has a non-temporal copy.
const Streams = traffic.Streams

// Bytes returns the memory traffic of an algorithm per element of a row beyond the caches: what
// its passes read and write, and the lines fetched before they are first written. It is 0 for
// [ukernel.Auto].
func Bytes(a ukernel.Algorithm) int {
	switch a {
	case ukernel.TwoPass:
		return 4 * (2 + 1 + 1)
	case ukernel.ThreePassRecompute:
		return 4 * (3 + 1 + 1)
	case ukernel.ThreePassReload:
		return 4 * (3 + 2 + 1)
	}
	return 0
}

// team is a set of goroutines, each on a thread of its own.
type team struct {
	tasks []chan func(int)
	done  sync.WaitGroup
}

func newTeam(n int) *team {
	t := new(team)
	for i := range n {
		ch := make(chan func(int))
		t.tasks = append(t.tasks, ch)
		go func() {
			runtime.LockOSThread()
			for f := range ch {
				f(i)
				t.done.Done()
			}
		}()
	}
	return t
}

// run calls f once on each thread, with the thread's number, and waits.
func (t *team) run(f func(thread int)) {
	t.done.Add(len(t.tasks))
	for _, ch := range t.tasks {
		ch <- f
	}
	t.done.Wait()
}

func (t *team) close() {
	for _, ch := range t.tasks {
		close(ch)
	}
}

// Frequency measures the clock in GHz. It times a chain of additions and exclusive ors, each of
// which waits for the one before: every CPU takes one cycle for each.
func Frequency() float64 {
	const ops = 16 * 1000
	s := Timer{MinReps: 21}.Time(func() { chain(ops / 16) })
	return ops / NewSummary(s.NS[0]).Median
}

// Arithmetic measures how long the ports of one CPU take for the vector operations that native.Softmax
// spends on an element of a long row, in nanoseconds, if nothing else is in the way; 0 if their
// number is not known for the CPU.
func Arithmetic() float64 {
	const ops = 24 * 1000
	elements := 0.0
	s := Timer{MinReps: 21}.Time(func() { elements = arithmetic.Softmax(ops) })
	if elements == 0 {
		return 0
	}
	return NewSummary(s.NS[0]).Median / elements
}

// chain makes 16 dependent operations in each turn. Additions and exclusive ors alternate, so
// that no compiler merges them; the result is stored, so that none drops them.
//
//go:noinline
func chain(turns int) {
	x, y := uint64(turns), uint64(3)
	for range turns {
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
		x += y
		y ^= x
	}
	chained = y
}

var chained uint64
