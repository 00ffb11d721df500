package speed

import (
	"testing"
	"time"
)

// TestComparison holds that what a comparison keeps is what its benchmarks did.
func TestComparison(t *testing.T) {
	r := Comparison{Kind: Rows, Rows: 3, Cols: 100, Threads: 1}
	elements := 0
	spend := func(d time.Duration) func(dst, src []float32) {
		return func(dst, src []float32) {
			elements = len(src)
			for begin := time.Now(); time.Since(begin) < d; {
			}
		}
	}
	s, err := r.Run(Timer{MinReps: 7}, []Benchmark{
		{Name: "short", Kernels: []string{"k"}, Run: spend(100 * time.Microsecond)},
		{Name: "long", Run: spend(400 * time.Microsecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if elements != 300 || r.Samples != 7 || r.Calls != 1 {
		t.Errorf("%d elements, %d samples of %d calls, want 300, 7 and 1", elements, r.Samples, r.Calls)
	}
	ratio := r.AddRatio(s, 0, 1)
	if ratio.Of != "short" || ratio.To != "long" || !(ratio.Ratio.Lo < 1) {
		t.Errorf("a quarter of the time: %+v", ratio)
	}
	if got := r.RatioOf("short", "long"); got == nil || *got != ratio {
		t.Errorf("ratio %v, want %v", got, ratio)
	}
	if r.RatioOf("long", "short") != nil || r.Entry("none") != nil {
		t.Error("found what is not there")
	}
	// No call is shorter than it says.
	if e := r.Entry("short"); e == nil || e.NS.Lo < 100e3/300 || len(e.Kernels) != 1 {
		t.Errorf("%+v, want at least %v ns per element", e, 100e3/300)
	}
}

// TestRest holds that nothing is timed while a benchmark's threads are busy.
func TestRest(t *testing.T) {
	const rest = 2 * time.Millisecond
	var ended time.Time
	runs, soon := 0, 0
	busy := timed{run: func() { ended = time.Now() }, rest: rest}
	next := timed{goroutines: true, run: func() {
		if runs++; !ended.IsZero() && time.Since(ended) < rest {
			soon++
		}
	}}
	s := Timer{MinSample: time.Nanosecond, MinReps: 6}.time([]timed{busy, next})
	if soon > 0 || runs < 6*s.Calls {
		t.Errorf("%d of %d runs while threads were busy", soon, runs)
	}
	if len(s.NS[0]) != 6 || len(s.NS[1]) != 6 {
		t.Errorf("%d and %d samples, want 6", len(s.NS[0]), len(s.NS[1]))
	}
}
