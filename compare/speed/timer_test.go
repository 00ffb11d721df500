package speed

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTimer runs on a clock that only the functions move.
func TestTimer(t *testing.T) {
	var clock time.Duration
	var order []int
	f := func(i int, cost time.Duration) func() {
		return func() {
			clock += cost
			if len(order) == 0 || order[len(order)-1] != i {
				order = append(order, i)
			}
		}
	}
	timer := Timer{MinSample: 20 * time.Microsecond, MinReps: 4, now: func() time.Duration { return clock }}
	s := timer.Time(f(0, 300*time.Nanosecond), f(1, 100*time.Nanosecond))
	if s.Calls < 200 || s.Calls >= 400 {
		t.Errorf("%d calls per sample: the fastest function takes 100 ns, a sample should take 20 µs", s.Calls)
	}
	for i, want := range []float64{300, 100} {
		if len(s.NS[i]) != 4 {
			t.Fatalf("%d samples of function %d, want 4", len(s.NS[i]), i)
		}
		for _, ns := range s.NS[i] {
			if ns != want {
				t.Errorf("function %d: %v ns, want %v", i, ns, want)
			}
		}
	}
	// Each function comes after each other, and after itself, about as often.
	order = nil
	timer.MinReps = 300
	timer.Time(f(0, time.Millisecond), f(1, time.Millisecond), f(2, time.Millisecond))
	after := make(map[[2]int]int)
	for i := 1; i < len(order); i++ {
		after[[2]int{order[i-1], order[i]}]++
	}
	for i := range 3 {
		for j := range 3 {
			if n := after[[2]int{i, j}]; i != j && (n < 90 || n > 180) {
				t.Errorf("function %d after %d: %d times of %d", j, i, n, len(order))
			}
		}
	}

	clock = 0
	timer.Budget = time.Millisecond
	if s := timer.Time(f(0, 100*time.Nanosecond)); len(s.NS[0]) < 20 {
		t.Errorf("%d samples of 20 to 40 µs in a budget of 1 ms", len(s.NS[0]))
	}
}

// TestTimerSlow holds that samples of a function that is slow beside another are not as
// many times as long.
func TestTimerSlow(t *testing.T) {
	var clock time.Duration
	calls := 0
	timer := Timer{MinSample: 20 * time.Microsecond, MinReps: 1000, now: func() time.Duration { return clock }}
	s := timer.Time(func() { clock += 100 * time.Nanosecond }, func() { clock += 10 * time.Microsecond; calls++ })
	if calls < 8*1000 || calls > 20*1000 || s.NS[0][999] != 100 || s.NS[1][999] != 10_000 {
		t.Errorf("%d calls of the slow function in 1000 samples, of %v ns and %v ns: want 8 to 16 calls in each", calls, s.NS[0][999], s.NS[1][999])
	}
}

// TestTimerWarmUp holds that functions run for some time before their samples if they begin goroutines, or
// if the one before them has to rest.
func TestTimerWarmUp(t *testing.T) {
	var clock, since, least time.Duration // since the other function ran
	timer := Timer{MinSample: 20 * time.Microsecond, MinReps: 50, now: func() time.Duration { return clock }}
	for _, c := range []struct {
		name          string
		first, second timed
		want          time.Duration
	}{
		{"neither", timed{}, timed{}, 0},
		{"goroutines", timed{}, timed{goroutines: true}, warmUp},
		{"rest", timed{rest: time.Microsecond}, timed{}, warmUp},
	} {
		least, since = time.Hour, 0
		c.first.run = func() {
			clock += time.Millisecond
			if since > 0 {
				least, since = min(least, since), 0
			}
		}
		c.second.run = func() { clock += time.Millisecond; since += time.Millisecond }
		timer.time([]timed{c.first, c.second})
		if want := c.want + time.Millisecond; c.want == 0 && least > want || least < want {
			t.Errorf("%s: the second function ran for %v before the first did again, want %v", c.name, least, want)
		}
	}
}

func TestInterval(t *testing.T) {
	values := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5}
	kept := slices.Clone(values)
	i := NewSummary(values)
	// Of nine values, the second and the eighth bound the median at 96 %.
	if i.Median != 5 || i.Lo != 2 || i.Hi != 8 {
		t.Errorf("%+v, want median 5 from 2 to 8", i)
	}
	if !slices.Equal(values, kept) {
		t.Error("the values were changed")
	}
	if i := NewSummary([]float64{2, 1}); i.Lo != 1 || i.Hi != 2 {
		t.Errorf("two values: %+v, want their range", i)
	}
}

func TestRatio(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, elements = 41, 10
	// samples of a reference of about 100 ns and of ours, ratio times that, with
	// relative noise of each repetition's own and of both together.
	samples := func(ratio, noise, common float64) Samples {
		s := Samples{Calls: 1, NS: make([][]float64, 2)}
		for range n {
			both := 100 * (1 + common*r.Float64())
			s.NS[0] = append(s.NS[0], both*(1+noise*r.Float64()))
			s.NS[1] = append(s.NS[1], both*ratio*(1+noise*r.Float64()))
		}
		return s
	}
	for _, c := range []struct {
		name    string
		s       Samples
		verdict Verdict
	}{
		{"faster", samples(0.9, 0.02, 0), Faster},
		{"slower", samples(1.1, 0.02, 0), Slower},
		{"same", samples(1, 0.02, 0), Same},
		// What slows both sides alike cancels.
		{"common noise", samples(0.9, 0.02, 3), Faster},
		{"noisy", samples(1, 3, 0), Noisy},
	} {
		v := c.s.Compare(0, 1, elements)
		if v.Verdict != c.verdict {
			t.Errorf("%s: verdict %q from %+v, want %q", c.name, v.Verdict, v.Ratio, c.verdict)
		}
		if v.Samples != n || v.Elements != elements {
			t.Errorf("%s: %d samples of %d elements", c.name, v.Samples, v.Elements)
		}
	}
	if v := samples(0.5, 0, 0).Compare(0, 1, elements); math.Abs(v.RefNS.Median-10) > 1e-9 || math.Abs(v.Ratio.Median-0.5) > 1e-9 {
		t.Errorf("100 ns for 10 elements, and half of that: %+v", v)
	}

	s := samples(0.9, 0.01, 0)
	for i := range n {
		if i%5 == 0 {
			s.NS[0][i] *= 5
		}
	}
	if v := s.Compare(0, 1, elements); v.Outliers != 9 || v.Verdict != Faster {
		t.Errorf("9 of 41 repetitions of the slower side take five times as long: %d outliers, verdict %q", v.Outliers, v.Verdict)
	}

	s = samples(0.9, 0.01, 0)
	for i := range n {
		s.NS[0][i] *= 1 + float64(i)/n
		s.NS[1][i] *= 1 + float64(i)/n
	}
	if v := s.Compare(0, 1, elements); v.Drift < 0.4 || v.Drift > 0.7 || v.Verdict != Faster {
		t.Errorf("the clock slows down to half: drift %.2f, verdict %q", v.Drift, v.Verdict)
	}
	few := Samples{Calls: 1, NS: [][]float64{{1, 1, 1}, {2, 2, 2}}}
	if v := few.Compare(0, 1, 1); v.Verdict != Noisy {
		t.Errorf("three samples prove %q", v.Verdict)
	}
}

// TestOutliers has values at the fence: three distances of the quartiles above the upper one, and, as
// clocks are coarse, at least 5 % above the median.
func TestOutliers(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   int
	}{
		{[]float64{100, 100, 100, 100, 100, 100, 100, 105}, 0},
		{[]float64{100, 100, 100, 100, 100, 100, 100, 105.1}, 1},
		{[]float64{100, 100, 110, 110, 120, 120, 120, 150}, 0}, // quartiles 110 and 120
		{[]float64{100, 100, 110, 110, 120, 120, 120, 150.1}, 1},
	} {
		if got := count(outliers(c.values)); got != c.want {
			t.Errorf("%v has %d outliers, want %d", c.values, got, c.want)
		}
	}
}
