package main

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// fake is what the tests' other library is called in results.
const fake = "fake softmax"

// timedPeers is the number of the tests' libraries that are timed.
const timedPeers = 2

// testLibraries are a loop in Go, one that works, one that is wrong, and one that is not
// here.
func testLibraries() []speed.Library {
	goLoop := speed.GoLibraries()[0]
	wrong := func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
		right, done, err := goLoop.Bind(dst, src, rows, cols, threads)
		return func() {
			right()
			dst[len(dst)/2] *= 1.02
		}, done, err
	}
	return []speed.Library{
		goLoop,
		{Name: "Fake", Function: fake, Version: "1.2.3", Bind: goLoop.Bind},
		{Name: "Wrong", Function: "wrong softmax", Version: "4.5", Bind: wrong},
		{Name: "Absent", Function: "absent softmax", Available: errors.New("built without it")},
	}
}

// TestSpeedPeers holds that a peer is timed, and recorded with its version, that one which
// is wrong is reported in its place, and that a line says how to have one that is not here.
func TestSpeedPeers(t *testing.T) {
	a, out := testApp()
	r := speedResults(t, a, "--sizes", "64", "--threads", "1,2")
	contains(t, out.String(), "Peers     Go loop over math.Exp go1.", ", Fake 1.2.3, Wrong 4.5: one thread for each row",
		"          Absent is not compared: built without it", "Time of native.Softmax / fake softmax: geometric mean ", " of 2.",
		"Wrong is not timed: wrong on 1 row of 64 elements, 1 thread: element 32 of row 0 is ", "wrong on 1 row of 32 elements",
		"Greatest and mean error in ULP by class of input, on rows of 32 to 64 elements")
	want := []results.Peer{{Name: "Go", Version: r.Build.Go}, {Name: "fake", Version: "1.2.3"}, {Name: "wrong", Version: "4.5"}}
	if !slices.Equal(r.Peers, want) {
		t.Errorf("peers %v, want %v", r.Peers, want)
	}
	timed := 0
	for _, s := range r.Speed {
		switch s.Name {
		case fake:
			timed++
			if s.OursNS.Median <= 0 || s.NativeRatio == nil || s.NativeRatio.Median <= 0 || s.Verdict != "" || !(s.MaxULP >= s.MeanULP && s.MeanULP > 0) {
				t.Errorf("%+v", s)
			}
		case "wrong softmax", "absent softmax":
			t.Errorf("%+v", s)
		}
	}
	if timed != 2 {
		t.Errorf("the peer was timed %d times, want 2", timed)
	}
	found := 0
	for _, n := range r.NotRun {
		if n.Kernel == "wrong softmax" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("not run: %+v, want the wrong one for both lengths", r.NotRun)
	}
	// By class the wrong one's error stands beside the others'.
	if w := accuracy.Worst(r.Accuracy, "wrong softmax", "normal"); !(w.MaxULP > 1e5) || w.Outputs == 0 {
		t.Errorf("%+v", w)
	}
	if w := accuracy.Worst(r.Accuracy, fake, "masked"); w.NaNs > 0 || !(w.MaxULP < 50) || w.Outputs == 0 {
		t.Errorf("%+v", w)
	}
}

// TestLibraries holds that every library that this program has is softmax, for one row and
// for rows, on one thread and on two, and that every other one says how to have it.
func TestLibraries(t *testing.T) {
	how := regexp.MustCompile(`build with cgo|Bazel builds it|name the file of the library in TWOPASS_`)
	for _, l := range libraries() {
		if l.Available != nil {
			if t.Logf("%s: %v", l.Name, l.Available); !how.MatchString(l.Available.Error()) {
				t.Errorf("%s does not say how to have it", l.Name)
			}
			continue
		}
		for _, shape := range []shape{{1, 1}, {1, 17}, {1, 100_000}, {7, 100}, {64, 1000}} {
			for _, threads := range []int{1, 2} {
				if err := accuracy.Verify([]speed.Benchmark{l.Benchmark(shape.rows, shape.cols, threads)}, shape.rows, shape.cols)[0]; err != nil {
					t.Errorf("%s %s, %v, %d threads: %v", l.Name, l.Version, shape, threads, err)
				}
			}
		}
	}
}

func TestULPText(t *testing.T) {
	for _, c := range []struct {
		greatest, mean float64
		want           string
	}{
		{0, 0, ""}, {1.43, 0.294, "1.43, 0.29"}, {99.96, 12, "100, 12.00"}, {12345, 6789, "12,345, 6,789"}, {math.MaxFloat64, 1, "NaN"},
	} {
		if got := ulpText(c.greatest, c.mean); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.greatest, c.mean, got, c.want)
		}
	}
}
