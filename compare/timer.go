package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/perf/benchmath"
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

// Interval is a median and its confidence interval at 95 %, or as near to that
// as the number of samples allows, from order statistics: nothing is assumed
// about the distribution.
type Interval struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// NewInterval summarises values, which stay as they are. With fewer than six
// the interval is their range.
func NewInterval(values []float64) Interval {
	sorted := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	s := benchmath.AssumeNothing.Summary(sorted, 0.95)
	return Interval{
		Median: s.Center,
		Lo:     math.Max(s.Lo, slices.Min(values)),
		Hi:     math.Min(s.Hi, slices.Max(values)),
	}
}

// Width is the length of the interval relative to its median.
func (i Interval) Width() float64 { return (i.Hi - i.Lo) / i.Median }

// Verdict is what a comparison of speed proves.
type Verdict string

const (
	// Faster means that the whole confidence interval of the ratio is below 1.
	Faster Verdict = "faster"
	// Slower means that it is above 1.
	Slower Verdict = "slower"
	// Same means that it contains 1 and is narrow.
	Same Verdict = "same"
	// Noisy means that the machine was too noisy to conclude anything: the
	// interval is wider than [MaxWidth], or there are too few samples for one.
	Noisy Verdict = "too noisy"
)

// MaxWidth is the width of a ratio's confidence interval, relative to the ratio,
// beyond which nothing is concluded.
const MaxWidth = 0.1

// Speed is a comparison of two functions that process the same elements.
type Speed struct {
	// Elements is how many each call processes.
	Elements int `json:"elements"`
	// RefNS and OursNS are nanoseconds per element. Without a reference, RefNS
	// and Ratio are zero and Verdict is empty.
	RefNS  Interval `json:"ref_ns,omitzero"`
	OursNS Interval `json:"ours_ns"`
	// Ratio is ours to reference, of neighbouring samples.
	Ratio Interval `json:"ratio,omitzero"`
	// Calls is the number of calls in a sample, Samples the number of samples
	// of each function.
	Calls   int `json:"calls"`
	Samples int `json:"samples"`
	// Outliers is the number of repetitions in which a function took far longer
	// than it usually did. Many of them mean that the machine was busy, which
	// the medians bear up to half the repetitions.
	Outliers int `json:"outliers"`
	// Drift is by how much our median in the last third of the repetitions
	// exceeds that in the first third, relative to the latter: a change of the
	// clock frequency shows here, and cancels in the ratio.
	Drift   float64 `json:"drift"`
	Verdict Verdict `json:"verdict,omitempty"`
}

// NewSpeed summarises the samples of a function.
func NewSpeed(s Samples, ours, elements int) Speed {
	b := perElement(s.NS[ours], elements)
	return Speed{
		Elements: elements, OursNS: NewInterval(b), Calls: s.Calls, Samples: len(b),
		Outliers: count(outliers(b)), Drift: drift(b),
	}
}

// NewRatio compares function ours of the samples with function ref.
func NewRatio(s Samples, ref, ours, elements int) Speed {
	v := NewSpeed(s, ours, elements)
	a, b := perElement(s.NS[ref], elements), perElement(s.NS[ours], elements)
	slow, slowB := outliers(a), outliers(b)
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = b[i] / a[i]
		slow[i] = slow[i] || slowB[i]
	}
	v.RefNS, v.Ratio, v.Outliers = NewInterval(a), NewInterval(ratios), count(slow)
	switch {
	case v.Ratio.Width() > MaxWidth, len(a) < 6:
		v.Verdict = Noisy
	case v.Ratio.Hi < 1:
		v.Verdict = Faster
	case v.Ratio.Lo > 1:
		v.Verdict = Slower
	default:
		v.Verdict = Same
	}
	return v
}

func count(marks []bool) int {
	n := 0
	for _, m := range marks {
		if m {
			n++
		}
	}
	return n
}

func perElement(ns []float64, elements int) []float64 {
	out := make([]float64, len(ns))
	for i, x := range ns {
		out[i] = x / float64(elements)
	}
	return out
}

// outliers marks the values above Tukey's outer fence, three times the distance
// of the quartiles above the upper one. Clocks are coarse: a value within 5 %
// of the median is none, however close together the others are.
func outliers(values []float64) []bool {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	n := len(sorted)
	q1, q2, q3 := sorted[n/4], sorted[n/2], sorted[3*n/4]
	fence := math.Max(q3+3*(q3-q1), 1.05*q2)
	out := make([]bool, n)
	for i, x := range values {
		out[i] = x > fence
	}
	return out
}

func drift(values []float64) float64 {
	third := (len(values) + 2) / 3
	first, last := values[:third], values[len(values)-third:]
	return NewInterval(last).Median/NewInterval(first).Median - 1
}
