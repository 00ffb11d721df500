package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/cloop"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
)

// speedResults runs the speed command with a small budget.
func speedResults(t *testing.T, a *app, args ...string) *results.Results {
	t.Helper()
	json := filepath.Join(t.TempDir(), "speed.json")
	if err := run(t, a, append([]string{"speed", "--time", "1ms", "--json", json}, args...)...); err != nil {
		t.Fatal(err)
	}
	r, err := results.Read(json)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// comparisonNames are the kind, the shape, the benchmarks and the ratios of a comparison.
func comparisonNames(r speed.Comparison) (names []string) {
	for _, e := range r.Entries {
		names = append(names, e.Name)
	}
	for _, x := range r.Ratios {
		names = append(names, x.Of+" / "+x.To)
	}
	return names
}

func wantComparisons(t *testing.T, all []speed.Comparison, want int, names ...string) {
	t.Helper()
	if len(all) != want {
		t.Errorf("%d comparisons, want %d", len(all), want)
	}
	for _, r := range all {
		if got := comparisonNames(r); !slices.Equal(got, names) {
			t.Errorf("%s of %dx%d, %d threads:\n%q\nwant\n%q", r.Kind, r.Rows, r.Cols, r.Threads, got, names)
		}
		for _, e := range r.Entries {
			if !(e.NS.Lo > 0) {
				t.Errorf("%s of %dx%d: %+v", r.Kind, r.Rows, r.Cols, e)
			}
		}
		for _, x := range r.Ratios {
			if !(x.Ratio.Lo > 0) || x.Verdict == "" {
				t.Errorf("%s of %dx%d: %+v", r.Kind, r.Rows, r.Cols, x)
			}
		}
	}
}

// TestSpeedFunctions holds that the functions need no upstream.
func TestSpeedFunctions(t *testing.T) {
	a, out := testApp()
	a.sides.noUpstream = errors.New("built without it")
	r := speedResults(t, a, "--functions", "--sizes", "16,100000", "--threads", "1,2", "--beyond", "2^16")
	wantComparisons(t, r.Comparisons, 4, speed.NativeSoftmax, speed.NativeLogSoftmax, speed.NativeLogSumExp,
		"native.LogSoftmax / native.Softmax", "native.LogSumExp / native.Softmax")
	for _, c := range r.Comparisons {
		if c.Beyond != (c.Cols == 100000) {
			t.Errorf("%d elements: beyond %v", c.Cols, c.Beyond)
		}
	}
	contains(t, out.String(), "16 elements, in L1, 1 goroutine", "100,000 elements", "Time of native.LogSumExp / native.Softmax, 2 threads: geometric mean ")
}

// TestSpeedGradients holds that gradients need no upstream, and that their errors are those of float64.
func TestSpeedGradients(t *testing.T) {
	a, out := testApp()
	a.sides.noUpstream = errors.New("built without it")
	r := speedResults(t, a, "--gradients", "5x16,2x1000", "--threads", "1,2", "--beyond", "2^10")
	var all [2][]speed.Comparison
	for i, c := range r.Comparisons {
		all[i%2] = append(all[i%2], c)
		if e := c.Entries[0]; e.MaxULP == 0 || e.MaxULP > 0.51 && i%2 == 0 || e.MeanULP > 1 || c.Beyond != (c.Cols == 1000) {
			t.Errorf("%+v", c)
		}
	}
	for i, name := range []string{speed.NativeSoftmaxGrad, speed.NativeLogSoftmaxGrad} {
		names := []string{name}
		if cloop.Compiler() != "" {
			names = append(names, "C loop", "C loop, omp simd", speed.Limit, name+" / C loop", name+" / C loop, omp simd", name+" / "+speed.Limit)
			contains(t, out.String(), "C loops by "+cloop.Compiler())
		}
		wantComparisons(t, all[i], 4, names...)
	}
	contains(t, out.String(), "2 rows of 1,000, 2 threads")
}

func TestSpeedRows(t *testing.T) {
	a, out := testApp()
	r := speedResults(t, a, "--rows", "7x10, 1x300", "--threads", "1,2")
	wantComparisons(t, r.Comparisons, 4, speed.NativeSoftmaxRows, "upstream best three-pass-reload", speed.GoLoop, fake,
		"native.SoftmaxRows / upstream best three-pass-reload", "native.SoftmaxRows / Go loop over math.Exp", "native.SoftmaxRows / fake softmax")
	if r.ShortCall == nil || !(r.ShortCall.Lo > 0) {
		t.Errorf("a call on a short row: %v", r.ShortCall)
	}
	// Three families for each of the two lengths.
	if len(r.UpstreamBest) != 6 || r.UpstreamBest[0].Elements != 10 || r.UpstreamBest[5].Elements != 300 {
		t.Errorf("upstream's fastest: %+v", r.UpstreamBest)
	}
	contains(t, out.String(), "A call of native.Softmax on a row of 8 takes ", "7 rows of 10, 2 threads", "fastest kernels on a row of 300 elements",
		"Time of native.SoftmaxRows / upstream best, 1 thread: geometric mean ", "through cgo")
}

func TestSpeedOneRow(t *testing.T) {
	a, _ := testApp()
	a.sides.noUpstream = errors.New("built without it")
	r := speedResults(t, a, "--goroutines", "2", "--sizes", "100000", "--beyond", "100000")
	wantComparisons(t, r.Comparisons, 1, speed.NativeSoftmax, speed.OneGoroutine, speed.Limit, speed.GoLoop, fake, fake+oneThread,
		"native.Softmax / native.Softmax, 1 goroutine", "native.Softmax / limit", "native.Softmax / Go loop over math.Exp", "native.Softmax / fake softmax",
		"fake softmax / fake softmax, 1 thread")
	a, _ = testApp()
	r = speedResults(t, a, "--goroutines", "1", "--sizes", "64")
	wantComparisons(t, r.Comparisons, 1, speed.NativeSoftmax, speed.GoLoop, fake, "native.Softmax / Go loop over math.Exp", "native.Softmax / fake softmax")
}

// TestSpeedBest holds that native.Softmax is compared with upstream's fastest
// kernels where those are others than the pairs have.
func TestSpeedBest(t *testing.T) {
	a, _ := testApp()
	const other = "f32_rmax_ukernel__scalar_u2_acc2"
	a.sides.ref = sideOf("upstream", maxName, storeName, mulName, other)
	lookup := a.sides.ref.Lookup
	a.sides.ref.Lookup = func(name string) (ukernel.Func, error) {
		f, err := lookup(name)
		if rmax := f.RMax; name == maxName {
			f.RMax = func(src []float32) float32 {
				for range 100 {
					rmax(src)
				}
				return rmax(src)
			}
		}
		return f, err
	}
	r := speedResults(t, a, "--sizes", "1000", "--threads", "1", "--algorithms", "three-pass-reload")
	const best = "upstream best three-pass-reload"
	seen := 0
	for _, s := range r.Speed {
		switch s.Name {
		case best:
			seen++
			if s.Kernels[0] != other || s.Verdict != "" {
				t.Errorf("%+v, want the kernel %s", s, other)
			}
		case speed.NativeSoftmax:
			seen++
			if s.Against != best || !(s.Ratio.Lo > 0) {
				t.Errorf("%+v, want it against %s", s, best)
			}
		}
	}
	if seen != 2 {
		t.Errorf("no %s and native.Softmax in %+v", best, r.Speed)
	}
}

func TestBeyondFrom(t *testing.T) {
	m := machine.Machine{L3: 8 << 20}
	l := machine.Lengths{L1: 100, L2: 200, Memory: 1 << 19}
	for _, c := range []struct {
		sizes, beyond string
		l3, want      int
	}{
		{"2^4..2^26", "", 8 << 20, 1<<20 + 1},
		{"L1,memory", "", 8 << 20, 1 << 19},
		{"L1,memory", "", 0, 1 << 19},
		{"L1", "2^10", 8 << 20, 1 << 10},
	} {
		m.L3 = c.l3
		got, err := beyondFrom(speedOptions{sizes: c.sizes, beyond: c.beyond}, m, l)
		if err != nil || got != c.want {
			t.Errorf("%+v: from %d, %v", c, got, err)
		}
	}
	if _, err := beyondFrom(speedOptions{beyond: "L1,L2"}, m, l); err == nil || !strings.Contains(err.Error(), `beyond: "L1,L2" is not a length`) {
		t.Errorf("error %v", err)
	}
}

// TestShared holds that every element is dealt with once, whatever the number of
// goroutines.
func TestShared(t *testing.T) {
	for _, g := range []int{1, 2, 3, 7} {
		for _, n := range []int{1, 15, 16, 17, 100, 1000} {
			dst, src := make([]float32, n), make([]float32, n)
			for i := range src {
				src[i] = float32(i + 1)
			}
			sharedLimit(g).Run(dst, src)
			for i := range dst {
				if dst[i] != src[i] {
					t.Fatalf("%d goroutines, %d elements: element %d is %v", g, n, i, dst[i])
				}
			}
		}
		const rows, cols = 5, 3
		var calls atomic.Int64
		dst, src := make([]float32, rows*cols), make([]float32, rows*cols)
		rowByRow(func(dst, src []float32) {
			calls.Add(1)
			for i := range dst {
				dst[i] += float32(len(src))
			}
		}, cols, g)(dst, src)
		if calls.Load() != rows || slices.ContainsFunc(dst, func(x float32) bool { return x != cols }) {
			t.Errorf("%d goroutines: %d calls, result %v", g, calls.Load(), dst)
		}
	}
}
