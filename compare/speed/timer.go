package speed

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// Timer times functions against each other. The zero Timer uses the defaults.
type Timer struct {
	// MinSample is the least time of a sample. A sample is a number of calls, the
	// same for each function; a function that would take more than eight times
	// MinSample for them has fewer. The default is 20 µs, about a hundred times the
	// time of reading the clock.
	MinSample time.Duration
	// MinReps is the least number of samples of each function. The default is 11; a
	// confidence interval of a median at 95 % needs six.
	MinReps int
	// Budget is the time after which no repetition begins, once there are MinReps.
	Budget time.Duration

	// now is the monotonic clock; tests replace it.
	now func() time.Duration
}

// Samples is what a [Timer] measured.
type Samples struct {
	// Calls is the number of calls in a sample; slow functions have fewer.
	Calls int
	// NS[i][j] is the time of a call of function i in repetition j, in nanoseconds.
	// A repetition takes one sample of each function.
	NS [][]float64
}

// warmUp is how long a function runs before its sample, after a rest or if it begins goroutines:
// Linux often puts a thread that it wakes on the processor that woke it, and moves it to an idle one
// only after some milliseconds.
const warmUp = 5 * time.Millisecond

// timed is a function to time.
type timed struct {
	run func()
	// loop, if not nil, is [Benchmark.Loop].
	loop func(times int) time.Duration
	// goroutines is [Benchmark.Goroutines]. If any function has it, no goroutine is
	// bound to a thread: while one is, others begin late.
	goroutines bool
	// rest is [Benchmark.Rest]. The next sample waits for it to end, and then warms
	// its function up.
	rest time.Duration
}

// Time calls the functions in turn. Each repetition has an order of its own, drawn at random: what
// slows the machine slows all functions, and none always follows the same other one. Time warms
// each function up first, and keeps the calling goroutine on one thread.
func (t Timer) Time(fs ...func()) Samples {
	all := make([]timed, len(fs))
	for i, f := range fs {
		all[i].run = f
	}
	return t.time(all)
}

func (t Timer) time(fs []timed) Samples {
	minSample := cmp.Or(t.MinSample, 20*time.Microsecond)
	minReps := cmp.Or(t.MinReps, 11)
	now := t.now
	if now == nil {
		start := time.Now()
		now = func() time.Duration { return time.Since(start) }
	}
	if !slices.ContainsFunc(fs, func(f timed) bool { return f.goroutines }) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	busy := time.Duration(0)
	sample := func(f timed, calls int) time.Duration {
		// After a rest the core is cold: its caches, and its clock.
		time.Sleep(busy)
		if busy > 0 || f.goroutines {
			for begin := now(); now()-begin < warmUp; {
				f.run()
			}
		}
		busy = f.rest
		if f.loop != nil {
			return f.loop(calls)
		}
		begin := now()
		for range calls {
			f.run()
		}
		return now() - begin
	}
	calls := 1
	for _, f := range fs {
		sample(f, calls)
		// A clock that stands still may not make this go on for ever.
		for sample(f, calls) < minSample && calls < 1<<30 {
			calls *= 2
		}
	}
	// A long sample is one that other work is more likely to interrupt.
	each := make([]int, len(fs))
	for i, f := range fs {
		each[i] = calls
		for each[i] > 1 && sample(f, each[i]) > 8*minSample {
			each[i] /= 2
		}
	}
	s := Samples{Calls: calls, NS: make([][]float64, len(fs))}
	order := rand.New(rand.NewPCG(0, 0))
	begin := now()
	for rep := 0; rep < minReps || now()-begin < t.Budget; rep++ {
		for _, i := range order.Perm(len(fs)) {
			ns := float64(sample(fs[i], each[i])) / float64(each[i])
			s.NS[i] = append(s.NS[i], ns)
		}
	}
	return s
}
