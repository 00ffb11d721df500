package native_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

var drawsFor = flag.Duration("draws", 0, "how long TestDraws draws matrices; 0 for a fixed number of them")

// TestDraws compares every level with plain Go, on matrices that no rule makes: of any spread, with elements that are far
// from the others, equal to them, not numbers, or as much as a part of all others together. It found rows that depended on
// the level when one kernel left a row to another.
func TestDraws(t *testing.T) {
	best := arith.Best
	defer func() { arith.Best = best }()
	r := rand.New(rand.NewPCG(11, 29))
	draws, begin := 30_000, time.Now()
	if testing.Short() {
		draws = 500
	}
	for n := 0; n < draws || time.Since(begin) < *drawsFor; n++ {
		x, rows, cols := drawMatrix(r)
		o := drawOptions(r, rows, cols)
		inPlace := r.IntN(2) == 0
		do := func(level arith.Level) (results [5][]float32) {
			arith.Best = level
			for i := range results {
				results[i] = make([]float32, len(x))
			}
			m := func(x []float32) native.Matrix[float32] { return native.Rows(x, cols) }
			soft, log := m(x), m(x)
			if inPlace {
				copy(results[0], x)
				copy(results[1], x)
				soft, log = m(results[0]), m(results[1])
			}
			if o == nil && rows == 1 {
				native.Softmax(results[0], soft.Data)
				native.LogSoftmax(results[1], log.Data)
				results[2][0] = native.LogSumExp(x)
			} else {
				native.SoftmaxRows(m(results[0]), soft, o)
				native.LogSoftmaxRows(m(results[1]), log, o)
				native.LogSumExpRows(results[2][:rows], m(x), o)
			}
			native.SoftmaxGradRows(m(results[3]), m(results[0]), m(x), nil)
			native.LogSoftmaxGradRows(m(results[4]), m(results[1]), m(x), nil)
			return results
		}
		want := do(arith.Plain)
		for _, level := range levels()[1:] {
			got := do(level)
			for i, what := range []string{"softmax", "log-softmax", "log-sum-exp", "softmax's gradient", "log-softmax's gradient"} {
				if k := differs(got[i], want[i]); k >= 0 {
					t.Fatalf("draw %d, level %v, %d rows of %d, %+v, in place %v: element %d of %s is %v, want %v", n, level, rows, cols, o, inPlace, k, what, got[i][k], want[i][k])
				}
			}
		}
	}
}

func drawMatrix(r *rand.Rand) (x []float32, rows, cols int) {
	rows, cols = 1, 1+r.IntN(1<<(1+r.IntN(12)))
	switch r.IntN(400) {
	default:
		if r.IntN(2) == 0 {
			rows, cols = 1+r.IntN(8), 1+cols/4
		}
	case 0:
		cols = arith.Chunk - 500 + r.IntN(2*arith.Chunk)
	}
	x = make([]float32, rows*cols)
	spread, shift := math.Exp(r.Float64()*9-4), 0.0
	if r.IntN(3) == 0 {
		shift = r.NormFloat64() * 100
	}
	for i := range x {
		x[i] = float32(float64(r.NormFloat64()*spread) + shift)
	}
	for range r.IntN(4) * rows {
		i := r.IntN(len(x))
		row := x[i/cols*cols:][:cols]
		switch r.IntN(5) {
		case 0:
			x[i] += float32(r.NormFloat64() * 30)
		case 1:
			x[i] = x[r.IntN(len(x))]
		case 2:
			x[i] = []float32{nan, inf, negInf, 0, 1e30, -1e30, -726817.3, -363408.2, -47.5, 40.7}[r.IntN(10)]
		case 3:
			x[i] = negInf
			share := r.Float64()
			x[i] = native.LogSumExp(row) + float32(math.Log(share/(1-share)))
		case 4: // the largest element is there again, often in its lane
			top := slices.Index(row, slices.Max(row))
			if top >= 0 { // no NaN
				row[(top+1<<r.IntN(8))%cols] = row[top]
			}
		}
	}
	if r.IntN(8) == 0 {
		native.LogSoftmaxRows(native.Rows(x, cols), native.Rows(x, cols), nil)
	}
	return x, rows, cols
}

func drawOptions(r *rand.Rand, rows, cols int) *native.Options {
	if r.IntN(2) == 0 {
		return nil
	}
	o := &native.Options{Causal: r.IntN(5) == 0, ZeroRows: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		o.Scale = []float32{0.125, 0.7, -1.3, 3, 1e-3, 20, 1e-30, 1e30}[r.IntN(8)]
	}
	masks := 1 + r.IntN(2)*(rows-1)
	if r.IntN(2) == 0 {
		keep := make([]bool, masks*cols)
		for i := range keep {
			keep[i] = r.IntN(4) > 0
		}
		o.Keep = native.Rows(keep, cols)
	}
	if r.IntN(2) == 0 {
		add := make([]float32, masks*cols)
		for i := range add {
			if add[i] = float32(r.NormFloat64() * 3); r.IntN(6) == 0 {
				add[i] = negInf
			}
		}
		o.Add = native.Rows(add, cols)
	}
	return o
}
