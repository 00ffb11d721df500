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

// specials are rows for the lines of the package comment's table, and what
// becomes of them; "correct" leaves that to the reference.
var specials = []struct {
	name               string
	row                []float32
	softmax, logSumExp string
}{
	{"finite", []float32{1, 2, -3}, "correct", "correct"},
	{"huge", []float32{maxFloat32, 0, -maxFloat32}, "correct", "correct"},
	{"large offset", []float32{1e30, 1e30, 1e30}, "correct", "correct"},
	{"large negative offset", []float32{-1e30, -1e30}, "correct", "correct"},
	{"tiny", []float32{1e-45, -1e-45, 0, 1e-38}, "correct", "correct"},
	{"mask values", []float32{1, -1e9, -maxFloat32, -1e30, 2}, "correct", "correct"},
	{"some -Inf", []float32{negInf, 1, negInf, 2, negInf}, "0 there", "correct"},
	{"one finite", []float32{negInf, -5, negInf}, "0 there", "correct"},
	{"-Inf and huge", []float32{negInf, maxFloat32, negInf, -maxFloat32}, "0 there", "correct"},
	{"all -Inf", []float32{negInf, negInf, negInf}, "NaN", "-Inf"},
	{"+Inf", []float32{1, inf, 2}, "NaN", "+Inf"},
	{"+Inf and -Inf", []float32{inf, negInf, 0}, "NaN", "+Inf"},
	{"two +Inf", []float32{inf, inf}, "NaN", "+Inf"},
	{"NaN", []float32{1, nan, 2}, "NaN", "NaN"},
	{"NaN first", []float32{nan, 1, 2}, "NaN", "NaN"},
	{"NaN last", []float32{1, 2, nan}, "NaN", "NaN"},
	{"all NaN", []float32{nan, nan}, "NaN", "NaN"},
	{"NaN and -Inf", []float32{nan, negInf, 1}, "NaN", "NaN"},
	{"NaN among -Inf", []float32{negInf, nan, negInf}, "NaN", "NaN"},
	{"NaN and +Inf", []float32{inf, nan, negInf}, "NaN", "NaN"},
	{"empty", nil, "nothing written", "-Inf"},
}

// spread deals the elements of a row out to a longer one, step apart, with -Inf
// between and behind them, which changes no line of the table: into the same
// lane, another accumulator, another block, another chunk.
func spread(row []float32, step, n int) []float32 {
	out := slices.Repeat([]float32{negInf}, max(n, len(row)*step))
	for i, x := range row {
		out[i*step] = x
	}
	return out
}

// TestSpecial holds the table of special values for every function, algorithm,
// level and number of goroutines, and prints it.
func TestSpecial(t *testing.T) {
	all := settings(t, 1, 3)
	t.Logf("%-22s %-16s %-16s %s", "input", "softmax", "log-sum-exp", "rows x settings")
	for _, c := range specials {
		t.Run(c.name, func(t *testing.T) {
			rows := [][]float32{c.row}
			if len(c.row) > 0 {
				for _, step := range []int{8, 16, 64, 96, 192, 1000, 4096} {
					rows = append(rows, spread(c.row, step, 0))
				}
				rows = append(rows, spread(c.row, 1, 1001), spread(c.row, chunkLen, 2*chunkLen+5))
				last := slices.Clone(rows[len(rows)-2])
				slices.Reverse(last)
				rows = append(rows, last)
			}
			for _, row := range rows {
				if testing.Short() && len(row) > 1<<15 {
					continue
				}
				ref := newReference(row)
				for _, s := range all {
					if s.goroutines > 1 && len(row) <= chunkLen {
						continue // which is not worth a second one
					}
					if err := ref.verify(compute(s.Softmaxer, row), nan); err != nil {
						t.Errorf("%s: %d elements: %v", s.name, len(row), err)
					}
				}
			}
			// The expectations in words, so that the table is not only the reference's.
			got := compute(Softmaxer{}, c.row)
			for i, x := range c.row {
				switch c.softmax {
				case "NaN":
					if got.softmax[i] == got.softmax[i] || got.logSoftmax[i] == got.logSoftmax[i] {
						t.Errorf("element %d: softmax is %g, log-softmax %g, want NaN", i, got.softmax[i], got.logSoftmax[i])
					}
				case "0 there":
					if x == negInf && (got.softmax[i] != 0 || got.logSoftmax[i] != negInf) {
						t.Errorf("element %d: softmax is %g, log-softmax %g, want 0 and -Inf", i, got.softmax[i], got.logSoftmax[i])
					}
				}
			}
			words := map[string]bool{
				"NaN": got.logSumExp != got.logSumExp, "+Inf": got.logSumExp == inf, "-Inf": got.logSumExp == negInf,
				"correct": math.Abs(float64(got.logSumExp)) <= math.MaxFloat32,
			}
			if !words[c.logSumExp] {
				t.Errorf("log-sum-exp is %g, want %s", got.logSumExp, c.logSumExp)
			}
			t.Logf("%-22s %-16s %-16s %d x %d", c.name, c.softmax, c.logSumExp, len(rows), len(all))
		})
	}
}

// TestZeroRows holds [WithZeroRows], for rows that are -Inf from the start and
// for those that a mask makes so.
func TestZeroRows(t *testing.T) {
	s, err := New(WithZeroRows())
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 70; n++ {
		x := slices.Repeat([]float32{negInf}, n)
		if err := verify(x, compute(s, x), 0); err != nil {
			t.Errorf("%d elements: %v", n, err)
		}
		fill(x, 1)
		for _, m := range []Mask{{Keep: make([]bool, n)}, {Add: slices.Repeat([]float32{negInf}, n)}, {Causal: true, Offset: -1}} {
			got := compute(s.Masked(m), x)
			if err := verify(slices.Repeat([]float32{negInf}, n), got, 0); err != nil {
				t.Errorf("%d elements masked by %+v: %v", n, m, err)
			}
		}
		// Rows with NaN or +Inf do not become zeros.
		x[n/2] = nan
		if err := verify(x, compute(s, x), 0); err != nil {
			t.Errorf("%d elements with NaN: %v", n, err)
		}
	}
}
