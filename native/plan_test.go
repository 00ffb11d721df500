package native_test

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TestPlan holds from which lengths on rows are done otherwise, which results don't show.
func TestPlan(t *testing.T) {
	vector, scalar := *native.VectorLeast, *native.ScalarLeast
	*native.VectorLeast, *native.ScalarLeast = native.DefaultVectorLeast, native.DefaultScalarLeast
	before := arith.Best
	defer func() { *native.VectorLeast, *native.ScalarLeast, arith.Best = vector, scalar, before }()
	const m = 1 << 20
	for _, arith.Best = range levels() {
		plain := arith.Best == arith.Plain
		least := 4 * m
		if plain {
			least = m / 4
		}
		for _, c := range []struct {
			n          int
			half       bool
			o          native.Options
			algorithm  native.Algorithm
			goroutines int
			why        string
		}{
			{n: 1, algorithm: native.Store, goroutines: 1},
			{n: m - 1, algorithm: native.Store, goroutines: 1, why: "shorter than 1048576"},
			{n: m, algorithm: native.Recompute, goroutines: 1, why: "has 1048576 elements or more"},
			{n: m, o: native.Options{Algorithm: native.Store}, algorithm: native.Store, goroutines: 1, why: "Options.Algorithm"},
			{n: m, o: native.Options{Keep: native.Row([]bool{true})}, algorithm: native.Store, goroutines: 1, why: "read twice"},
			{n: m, o: native.Options{Add: native.Row([]float32{1})}, algorithm: native.Store, goroutines: 1, why: "read twice"},
			{n: m / 4, half: true, o: native.Options{Add: native.Row([]float32{1})}, algorithm: native.Recompute, goroutines: 1, why: "more than 131072"},
			{n: 3, o: native.Options{Algorithm: native.Recompute}, algorithm: native.Recompute, goroutines: 1, why: "Options.Algorithm"},
			{n: m / 8, half: true, algorithm: native.Store, goroutines: 1, why: "shorter than 1048576"},
			{n: m/8 + 1, half: true, algorithm: native.Recompute, goroutines: 1, why: "more than 131072"},
			{n: m / 8, half: true, o: native.Options{Algorithm: native.Store}, algorithm: native.Store, goroutines: 1, why: "Options.Algorithm"},
			{n: m/8 + 1, half: true, o: native.Options{Algorithm: native.Store}, algorithm: native.Recompute, goroutines: 1, why: "Options.Algorithm"},
			{n: least - 1, o: native.Options{Goroutines: 100}, algorithm: native.Recompute, goroutines: 1},
			{n: least, o: native.Options{Goroutines: 100}, algorithm: native.Recompute, goroutines: 8},
			{n: least + least/4, o: native.Options{Goroutines: 100}, algorithm: native.Recompute, goroutines: 10},
			{n: 2 * least, o: native.Options{Goroutines: 3}, algorithm: native.Recompute, goroutines: 3},
		} {
			o := c.o
			algorithm, goroutines, why := native.Plan(1, c.n, c.half, &o)
			if plain && c.o.Algorithm == native.Auto && !(c.half && c.n > m/8) {
				c.algorithm, c.why = native.Store, "slow at this level"
			}
			if algorithm != c.algorithm || goroutines != c.goroutines || !strings.Contains(why, c.why) {
				t.Errorf("level %v: %d elements, 16-bit %v, %+v: %v by %d goroutines, %s; want %v by %d, %s",
					arith.Best, c.n, c.half, c.o, algorithm, goroutines, why, c.algorithm, c.goroutines, c.why)
			}
		}
		for _, c := range []struct{ rows, cols, most, want int }{
			{8, least / 8, 2, 2},
			{8, least / 128 * 3, 2, 2},
			{2, least / 8, 2, 2},
			{8, least / 32, 100, 2}, // each has an eighth of least
			{8, least/128*3 - 33, 2, 1},
			{1 << 16, 10, 2, 2},  // short rows take longer for each element
			{1, least / 4, 2, 1}, // a row's parts are shared twice
			{2, least * 3 / 8, 100, 1},
		} {
			if _, g, _ := native.Plan(c.rows, c.cols, false, &native.Options{Goroutines: c.most}); g != c.want {
				t.Errorf("level %v: %d goroutines of %d for %d rows of %d, want %d", arith.Best, g, c.most, c.rows, c.cols, c.want)
			}
		}
		if _, g, _ := native.Plan(1<<14, 10, false, &native.Options{Goroutines: 2}); g != 1 && !plain {
			t.Errorf("level %v: %d goroutines for 16,384 rows of 10, want 1", arith.Best, g)
		}
	}
	if text := (&native.Options{Algorithm: native.Store, Streaming: true}).Explain(100); strings.Contains(text, "caches") {
		t.Errorf("stored exponentials are said to go around the caches: %s", text)
	}
}

// TestGoroutinesMost holds that no more goroutines run at once than asked for, nor are there more than tasks.
func TestGoroutinesMost(t *testing.T) {
	for _, g := range []int{1, 2, 3} {
		var running, most atomic.Int64
		native.Parallel(g, 12, func(int) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(2 * time.Millisecond) // that all others begin
			running.Add(-1)
		})
		if int(most.Load()) > g {
			t.Errorf("%d goroutines ran, want at most %d", most.Load(), g)
		}
	}
	if n := testing.AllocsPerRun(3, func() { native.Parallel(1000, 2, func(int) {}) }); n > 100 { // each has one or two
		t.Errorf("1,000 goroutines with 2 tasks make %v allocations", n)
	}
}

// TestScaleLimits has scales around 2^120, from which on products are rounded to float32, and
// others that are not finite.
func TestScaleLimits(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	below := math.Nextafter32(0x1p120, 0)
	for _, c := range []struct {
		scale     float32
		row, want []float32
	}{
		{below, []float32{0x1p9, 0x1p10}, []float32{0, 1}},
		{-below, []float32{-0x1p9, -0x1p10}, []float32{0, 1}},
		{0x1p120, []float32{0x1p9, 0x1p10}, []float32{0.5, 0.5}}, // twice the largest finite number
		{-0x1p120, []float32{-0x1p9, -0x1p10}, []float32{0.5, 0.5}},
		{0x1p125, []float32{0x1p-125, 0x1p-125}, []float32{0.5, 0.5}},
		{0x1p125, []float32{0x1p2, -0x1p9}, []float32{1, 0}},
		{inf, []float32{-1, -2}, []float32{0, 0}},
		{inf, []float32{-1, 0}, []float32{nan, nan}},
		{inf, []float32{-1, 1}, []float32{nan, nan}},
		{-inf, []float32{1, 2}, []float32{0, 0}},
		{nan, []float32{1, 2}, []float32{nan, nan}},
	} {
		for _, arith.Best = range levels() {
			got := make([]float32, 2)
			native.SoftmaxRows(native.Row(got), native.Row(c.row), &native.Options{Scale: c.scale, ZeroRows: true})
			if !sameRow(got, c.want) {
				t.Errorf("level %v: scale %v: softmax of %v is %v, want %v", arith.Best, c.scale, c.row, got, c.want)
			}
		}
	}
	// From 2^120 on the product is rounded.
	scale, row := float32(0x1.8p120), []float32{0x1.555556p-104, 0x1.555512p-104, 0x1.555502p-104}
	rounded, want, got := make([]float32, 3), make([]float32, 3), make([]float32, 3)
	for i, x := range row {
		rounded[i] = x * scale
	}
	native.Softmax(want, rounded)
	for _, arith.Best = range levels() {
		native.SoftmaxRows(native.Row(got), native.Row(row), &native.Options{Scale: scale})
		if !sameRow(got, want) {
			t.Errorf("level %v: scale %v: softmax of %v is %v, want %v", arith.Best, scale, row, got, want)
		}
	}
}
