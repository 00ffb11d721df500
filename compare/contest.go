package compare

import (
	"runtime"
	"sync"

	"github.com/twopass-softmax/twopass/compare/internal/traffic"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Contestant is a function over rows that takes part in a [Contest].
type Contestant struct {
	Name string
	// Run writes to dst, which is as long as src.
	Run func(dst, src []float32)
}

// Contest times contestants against each other, on threads that each have a row
// of their own.
type Contest struct {
	Timer
	// Elements is the length of all rows together, Threads their number.
	Elements, Threads int
}

// shortRow is the length below which threads call a contestant more than once in
// a turn: waking them takes as long as a few thousand elements.
const shortRow = 1 << 16

// Run returns samples of contestants in nanoseconds, and the number of elements
// that one call processes, on all threads together.
func (c Contest) Run(contestants []Contestant) (s Samples, elements int) {
	threads := max(c.Threads, 1)
	n := max(c.Elements/threads, 1)
	work := make([]*Workload, threads)
	for i := range work {
		work[i] = NewWorkload(n)
	}
	if threads == 1 {
		w := work[0].args
		fs := make([]func(), len(contestants))
		for i := range contestants {
			run := contestants[i].Run
			fs[i] = func() { run(w.Dst, w.Src) }
		}
		return c.Time(fs...), n
	}
	turns := max(shortRow/n, 1)
	team := newTeam(threads)
	defer team.close()
	fs := make([]func(), len(contestants))
	for i := range contestants {
		run := contestants[i].Run
		task := func(thread int) {
			w := &work[thread].args
			for range turns {
				run(w.Dst, w.Src)
			}
		}
		fs[i] = func() { team.run(task) }
	}
	return c.Time(fs...), n * turns * threads
}

// Traffic are the contestants that move data and nothing else. Limit is the
// least that softmax of a row beyond the caches can do: it reads the row, to know
// the sum, then reads it again and writes as much, around the caches.
func Traffic() (read, copied, around, limit Contestant) {
	return Contestant{"read", func(_, src []float32) { traffic.Read(src) }},
		Contestant{"copy", traffic.Copy},
		Contestant{"copy, non-temporal", traffic.CopyAround},
		Contestant{"limit", func(dst, src []float32) { traffic.Read(src); traffic.CopyAround(dst, src) }}
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

// Frequency measures the clock, in cycles per nanosecond: a chain of additions
// that each wait for the one before takes a cycle for each, on every CPU.
func Frequency() float64 {
	const adds = 16 * 1000
	s := Timer{MinReps: 21}.Time(func() { chain(adds / 16) })
	return adds / NewInterval(s.NS[0]).Median
}

// chain makes 16 dependent additions in each turn. The result is stored so that
// the compiler can't leave them out.
//
//go:noinline
func chain(turns int) {
	x, y := uint64(turns), uint64(3)
	for range turns {
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
		x += y
		y += x
	}
	chained = y
}

var chained uint64
