package speed

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// Timer times functions against each other. Its zero value takes defaults.
type Timer struct {
	// MinSample is the least time that one sample takes: as many calls are
	// timed together as that needs, the same number for each function but for
	// those that are so slow that it would take them more than eight times as
	// long: fewer calls of these are. The default is 20 µs, some hundred times
	// what reading the clock takes.
	MinSample time.Duration
	// MinReps is the least number of samples of each function, 11 by default: a
	// 95 % confidence interval of a median needs six.
	MinReps int
	// Budget is the time after which no further repetition begins, once there
	// are MinReps of them. The default is 0.
	Budget time.Duration

	// now is the monotonic clock; tests replace it.
	now func() time.Duration
}

// Samples is what a [Timer] measured.
type Samples struct {
	// Calls is the number of calls in each sample but for those of slow functions.
	Calls int
	// NS holds nanoseconds per call, by function, then by repetition in the
	// order of time. Samples of equal index were taken in one round of all functions.
	NS [][]float64
}

// warmUp is how long a function runs before its sample after a rest.
const warmUp = 5 * time.Millisecond

// timed is a function to time.
type timed struct {
	run func()
	// loop, if it is not nil, calls the function so many times by itself and says how
	// long that took.
	loop func(times int) time.Duration
	// goroutines is whether it starts goroutines and waits for them. While a
	// goroutine is bound to a thread, be it another one than the caller, they begin
	// late, so then none is: after a rest they waited for their caller to end.
	goroutines bool
	// rest is how long threads of its own stay busy after it has returned. The
	// next sample waits for them, and calls its own function once before.
	rest time.Duration
}

// Time calls the functions in turn, in an order that is drawn anew for each
// repetition, so that whatever slows the machine meets them all alike and none has
// an advantage from what another leaves in the caches. It warms each one up first.
// The calling goroutine stays on one thread meanwhile.
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
		if busy > 0 {
			time.Sleep(busy)
			for begin := now(); now()-begin < warmUp; {
				f.run()
			}
		}
		if f.goroutines {
			f.run()
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
