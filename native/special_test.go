package native

import (
	"math"
	"slices"
	"testing"
)

var (
	inf        = float32(math.Inf(1))
	maxFloat32 = float32(math.MaxFloat32)
)

// specials are the lines of the package comment's table. Each row is tried at
// every place of longer rows of zeros, and its results there are looked for.
var specials = []struct {
	name string
	row  []float32
	// What all elements become; -1 leaves that to the reference.
	softmax, logSoftmax float32
	logSumExp           float32
}{
	{"finite", []float32{1, 2, -3}, -1, -1, float32(refLogSumExp([]float32{1, 2, -3}))},
	{"huge", []float32{maxFloat32, 0, -maxFloat32}, -1, -1, maxFloat32},
	{"large offset", []float32{1e30, 1e30, 1e30}, -1, -1, 1e30},
	{"mask values", []float32{1, -1e9, -maxFloat32, -1e30, 2}, -1, -1, float32(refLogSumExp([]float32{1, 2}))},
	{"some -Inf", []float32{negInf, 1, negInf, 2, negInf}, -1, -1, float32(refLogSumExp([]float32{1, 2}))},
	{"one finite", []float32{negInf, -5, negInf}, -1, -1, -5},
	{"-Inf and huge", []float32{negInf, maxFloat32, negInf, -maxFloat32}, -1, -1, maxFloat32},
	{"all -Inf", []float32{negInf, negInf, negInf}, nan, nan, negInf},
	{"+Inf", []float32{1, inf, 2}, nan, nan, inf},
	{"+Inf and -Inf", []float32{inf, negInf, 0}, nan, nan, inf},
	{"two +Inf", []float32{inf, inf}, nan, nan, inf},
	{"NaN", []float32{1, nan, 2}, nan, nan, nan},
	{"NaN first", []float32{nan, 1, 2}, nan, nan, nan},
	{"NaN last", []float32{1, 2, nan}, nan, nan, nan},
	{"all NaN", []float32{nan, nan}, nan, nan, nan},
	{"NaN and -Inf", []float32{nan, negInf, 1}, nan, nan, nan},
	{"NaN among -Inf", []float32{negInf, nan, negInf}, nan, nan, nan},
	{"NaN and +Inf", []float32{inf, nan, negInf}, nan, nan, nan},
	{"empty", nil, -1, -1, negInf},
}

// spread deals the elements of a row out to a longer one, step apart, with pad
// between and behind them.
func spread(row []float32, step, n int, pad float32) []float32 {
	out := slices.Repeat([]float32{pad}, max(n, len(row)*step))
	for i, x := range row {
		out[i*step] = x
	}
	return out
}

func same(a, b float32) bool {
	return a == b && math.Signbit(float64(a)) == math.Signbit(float64(b)) || a != a && b != b
}

// TestSpecial holds the table of special values for every function, algorithm,
// level and number of goroutines.
func TestSpecial(t *testing.T) {
	for _, c := range specials {
		t.Run(c.name, func(t *testing.T) {
			rows := [][]float32{c.row}
			if len(c.row) > 0 {
				// In other lanes, accumulators, blocks and chunks, the rest being -Inf,
				// which changes no line of the table.
				for _, step := range []int{8, 16, 64, 96, 192, 1000, 4096, chunkLen} {
					rows = append(rows, spread(c.row, step, 0, negInf))
				}
				rows = append(rows, spread(c.row, 1, 1001, negInf), spread(c.row, 1, 3*chunkLen, negInf))
				slices.Reverse(rows[len(rows)-1])
			}
			for _, s := range settings(t, 1, 3) {
				for _, row := range rows {
					if testing.Short() && len(row) > 1<<16 {
						continue
					}
					checkSpecial(t, s, row, c.softmax, c.logSoftmax, c.logSumExp)
				}
			}
			t.Logf("Softmax %s, LogSoftmax %s, LogSumExp %g: %d rows x %d settings",
				show(c.softmax), show(c.logSoftmax), c.logSumExp, len(rows), len(settings(t, 1, 3)))
		})
	}
}

func show(x float32) string {
	if x == -1 {
		return "correct"
	}
	return "all NaN"
}

func checkSpecial(t *testing.T, s setting, row []float32, softmax, logSoftmax, logSumExp float32) {
	t.Helper()
	got := compute(s.Softmaxer, row)
	if !same(got.logSumExp, logSumExp) && !(math.Abs(float64(got.logSumExp-logSumExp)) < 1e-6) {
		t.Errorf("%s: LogSumExp of %d elements is %g, want %g", s.name, len(row), got.logSumExp, logSumExp)
	}
	if softmax == -1 {
		if len(row) == 0 {
			return
		}
		for i, x := range row {
			if x == negInf && (!same(got.softmax[i], 0) || got.logSoftmax[i] != negInf) {
				t.Fatalf("%s: %d elements: softmax of the -Inf at %d is %g, log-softmax %g", s.name, len(row), i, got.softmax[i], got.logSoftmax[i])
			}
		}
		if e := measure(row, got); !(e.softmax <= 1 && e.logSoftmax <= 1 && e.logSumExp <= 1) {
			t.Errorf("%s: %d elements: errors over bounds are %.3g", s.name, len(row), e)
		}
		return
	}
	for i := range row {
		if !same(got.softmax[i], softmax) || !same(got.logSoftmax[i], logSoftmax) {
			t.Fatalf("%s: %d elements: at %d softmax is %g, want %g; log-softmax %g, want %g",
				s.name, len(row), i, got.softmax[i], softmax, got.logSoftmax[i], logSoftmax)
		}
	}
}
