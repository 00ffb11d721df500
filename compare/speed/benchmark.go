package speed

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/internal/traffic"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Benchmark is a function over rows to be timed by [Timer.TimeRows].
type Benchmark struct {
	Name string
	// Kernels are those of an algorithm's passes, for the record.
	Kernels []string
	// Computes is what the function computes, for who measures its errors.
	Computes Quantity
	// Run writes to dst, which is as long as src; to the first element alone if it
	// computes a log-sum-exp.
	Run func(dst, src []float32)
	// Loop, if it is not nil, is Run so many times over, in a loop with a clock of
	// its own: that of a program in another language.
	Loop func(dst, src []float32, times int) time.Duration
	// Bind, if it is not nil, takes the place of Run: before any timing it is
	// called once for each thread, for a function that has everything ready for
	// a row and an output that stay the same, and for one that frees what it has.
	Bind func(dst, src []float32) (run, done func(), err error)
	// Goroutines is whether one call starts goroutines and waits for them.
	Goroutines bool
	// Rest is how long threads of the benchmark stay busy after a call, waiting
	// for another one. Nothing is timed meanwhile.
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

// Ready is the benchmark on a row and an output that stay where they are; done frees what run has.
func (b *Benchmark) Ready(dst, src []float32) (run, done func(), err error) {
	if b.Bind != nil {
		return b.Bind(dst, src)
	}
	return func() { b.Run(dst, src) }, func() {}, nil
}

// on is the benchmark on one workload.
func (b *Benchmark) on(w *Workload) (f timed, done func(), err error) {
	dst, src := w.Row()
	f = timed{goroutines: b.Goroutines, rest: b.Rest}
	if b.Bind == nil && b.Loop != nil {
		f.loop = func(times int) time.Duration { return b.Loop(dst, src, times) }
	}
	f.run, done, err = b.Ready(dst, src)
	return f, done, err
}

// FromC is what a side's softmax of rows of cols elements takes in a program in C, by
// an algorithm from its kernels of these names. Several goroutines share the rows,
// each with one call for its part. The side has to have InC.
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

// wakeRow is the length below which threads call a benchmark more than once in
// a turn: waking them takes as long as a few thousand elements.
const wakeRow = 1 << 16

// TimeRows times benchmarks against each other, on threads that each have a row of
// their own; all rows together have so many elements. It returns samples in
// nanoseconds, and the number of elements that one call processes, on all threads
// together. The error is that of a benchmark's Bind.
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

// Traffic are the benchmarks that move data and nothing else. Limit is the
// least that softmax of a row beyond the caches can do: it reads the row, to know
// the sum, then reads it again and writes as much, around the caches.
func Traffic() (read, copied, around, limit Benchmark) {
	return Benchmark{Name: "read", Run: func(_, src []float32) { traffic.Read(src) }},
		Benchmark{Name: "copy", Run: traffic.Copy},
		Benchmark{Name: "copy, non-temporal", Run: traffic.CopyAround},
		Benchmark{Name: Limit, Run: func(dst, src []float32) { traffic.Read(src); traffic.CopyAround(dst, src) }}
}

// Streams is whether this architecture's non-temporal copy is one.
const Streams = traffic.Streams

// Bytes is the memory traffic of an algorithm per element of a row beyond the
// caches: what its passes read and write, and what is fetched before the first
// write to a line. It is 0 for [ukernel.Auto].
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

// Frequency measures the clock, in cycles per nanosecond: a chain of additions and
// exclusive ors that each wait for the one before takes a cycle for each, on every
// CPU.
func Frequency() float64 {
	const ops = 16 * 1000
	s := Timer{MinReps: 21}.Time(func() { chain(ops / 16) })
	return ops / NewSummary(s.NS[0]).Median
}

// chain makes 16 dependent operations in each turn: additions and exclusive ors in
// turn, which no compiler can make into fewer. The result is stored so that it can't
// leave them out.
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
