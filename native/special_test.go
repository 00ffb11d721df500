package native_test

import (
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

var maxFloat32 = float32(math.MaxFloat32)

// specials are rows for the lines of the package comment's table, and what becomes of
// them in words, so that the reference is not the only judge.
var specials = []struct {
	name               string
	row                []float32
	softmax, logSumExp string
}{
	{"finite", []float32{1, 2, -3}, "correct", "correct"},
	{"huge", []float32{maxFloat32, 0, -maxFloat32}, "correct", "correct"},
	{"largest", []float32{maxFloat32, maxFloat32}, "correct", "correct"},
	{"least", []float32{-maxFloat32, -maxFloat32}, "correct", "correct"},
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

// TestSpecial holds the table of special values for softmax, log-softmax, log-sum-exp
// and accumulators, by every algorithm at every level, wherever the elements lie.
func TestSpecial(t *testing.T) {
	var tested []*form
	for _, name := range []string{"SoftmaxRows[float32,float32]", "LogSoftmaxRows[float32,float32]", "LogSumExpRows[float32]", "LogSumExp", "Accumulator.Softmax marshalled", "Accumulator.LogSumExp merged"} {
		tested = append(tested, formNamed(name))
	}
	for _, special := range specials {
		rows := [][]float32{special.row}
		for _, step := range []int{8, 16, 64, 96, 192, 1000, 4096} {
			rows = append(rows, spread(special.row, step, 0))
		}
		rows = append(rows, spread(special.row, 1, 1001))
		if !testing.Short() {
			long := spread(special.row, 1<<14, 1<<16+5)
			rows = append(rows, long, slices.Clone(long))
			slices.Reverse(long)
		}
		for _, x := range rows {
			r := newReference(x, 0, nil, nil, len(x))
			c := &call{rows: 1, cols: len(x), src: matrix{f: x}, dst: matrix{f: make([]float32, len(x))}, ends: []int{1, len(x)}}
			for i, level := range levels() {
				if len(x) > 1<<15 && i > 0 && i < len(levels())-1 {
					continue // the first and the last will do
				}
				for _, a := range algorithms() {
					s := options{level: level, algorithm: a}
					for _, f := range tested {
						f.run(s, c)
						if _, err := r.check(f.what, f32, c.dst.f, nan); err != nil {
							t.Errorf("%s, %v, %v, %s, %d elements: %v", f.name, level, a, special.name, len(x), err)
						}
						if len(x) > len(special.row) {
							continue
						}
						y := c.dst.f[0]
						words := map[string]bool{
							"NaN": y != y, "+Inf": y == inf, "-Inf": y == negInf, "correct": math.Abs(float64(y)) <= math.MaxFloat32,
						}
						switch {
						case f.what == logSumExp && !words[special.logSumExp]:
							t.Errorf("%s of %s is %v, want %s", f.name, special.name, y, special.logSumExp)
						case f.what == softmax && special.softmax == "NaN" && slices.ContainsFunc(c.dst.f, func(y float32) bool { return y == y }):
							t.Errorf("%s of %s is %v, want NaN", f.name, special.name, c.dst.f)
						case f.what == softmax && special.softmax == "0 there" && (y != 0 || c.dst.f[1] == 0):
							t.Errorf("%s of %s is %v, want 0 where -Inf was", f.name, special.name, c.dst.f)
						}
					}
				}
			}
		}
	}
	for i := range forms { // of nothing
		f := &forms[i]
		c := &call{src: matrix{kind: f.src}, dst: matrix{kind: f.dst}, ends: []int{0}}
		if f.what == logSumExp && f.takes&rows == 0 {
			c.dst.f = make([]float32, 1)
		}
		s := options{level: levels()[0]}
		f.run(s, c)
		if len(c.dst.f) > 0 && c.dst.f[0] != negInf {
			t.Errorf("%s of nothing is %v", f.name, c.dst.f[0])
		}
	}
	lse := []float32{1, 2}
	formNamed("LogSumExpRows[float32]").run(options{level: levels()[0]}, &call{rows: 2, dst: matrix{f: lse}})
	if lse[0] != negInf || lse[1] != negInf {
		t.Errorf("log-sum-exp of empty rows is %v", lse)
	}
	lse = []float32{1, 2}
	native.LogSumExpRows(lse, native.Matrix[float32]{Rows: 2, Stride: 9}, &native.Options{Keep: native.Matrix[bool]{Rows: 2, Data: []bool{}, Stride: 9}})
	if lse[0] != negInf || lse[1] != negInf {
		t.Errorf("log-sum-exp of empty rows with a stride is %v", lse)
	}
}

// TestGradAboveZero: logarithms of probabilities that are above 0 count as 0.
func TestGradAboveZero(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, n := range []int{1, 20, 5000} {
			y, at0, dy := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range y {
				y[i], at0[i], dy[i] = float32(i%5)-2, min(0, float32(i%5)-2), float32(i%3)
			}
			y[n-1], at0[n-1] = inf, 0
			got, want := make([]float32, n), make([]float32, n)
			native.LogSoftmaxGrad(got, y, dy)
			native.LogSoftmaxGrad(want, at0, dy)
			if !sameRow(got, want) {
				t.Errorf("level %v: the gradient of %d elements differs from that at 0", arith.Best, n)
			}
		}
	}
}

// TestSmallResults holds results below 2^-126 to their bounds, which are not relative there.
func TestSmallResults(t *testing.T) {
	const tiny = 0x1p-149
	for _, arith.Best = range levels() {
		for d := float32(-85); d > -106; d -= 0.37 {
			want := -math.Log1p(math.Exp(float64(d)))
			y := make([]float32, 2)
			native.LogSoftmax(y, []float32{0, d})
			if e := math.Abs(float64(y[0]) - want); e > max(-0x1p-21*want, tiny) {
				t.Errorf("level %v: log-softmax of 0 beside %v is %v, want %v", arith.Best, d, y[0], want)
			}
			y, dy, p := []float32{0.3, 0.7}, []float32{float32(math.Exp(float64(d))), -0x1p-133}, []float64{0.3, 0.7}
			var dot, sum, most float64
			for i := range y {
				dot += float64(y[i]) * float64(dy[i])
				sum += float64(dy[i])
				most = max(most, math.Abs(float64(dy[i])))
			}
			got, log := make([]float32, 2), make([]float32, 2)
			native.SoftmaxGrad(got, y, dy)
			native.LogSoftmaxGrad(log, []float32{float32(math.Log(0.3)), float32(math.Log(0.7))}, dy)
			for i, g := range got {
				want := float64(y[i]) * (float64(dy[i]) - dot)
				if e := math.Abs(float64(g) - want); e > max(0x1p-23*float64(y[i])*most, tiny) {
					t.Errorf("level %v: gradient %d of softmax for %v is %v, want %v", arith.Best, i, dy, g, want)
				}
				want = float64(dy[i]) - p[i]*sum
				if e := math.Abs(float64(log[i]) - want); e > 0x1p-24*math.Abs(float64(dy[i]))+0x1p-21*p[i]*math.Abs(sum)+tiny {
					t.Errorf("level %v: gradient %d of log-softmax for %v is %v, want %v", arith.Best, i, dy, log[i], want)
				}
			}
		}
	}
}

// TestNothingShared has a row of -Inf alone, whose chunks goroutines share.
func TestNothingShared(t *testing.T) {
	const n = native.ChunkLen + 9
	x, soft, log := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = negInf
	}
	for _, zeros := range []bool{false, true} {
		want, wantLog := nan, nan
		if zeros {
			want, wantLog = 0, negInf
		}
		for _, goroutines := range []int{1, 3} {
			o := &native.Options{ZeroRows: zeros, Goroutines: goroutines}
			var sum, prob [1]float32
			native.SoftmaxRows(native.Row(soft), native.Row(x), o)
			native.LogSoftmaxRows(native.Row(log), native.Row(x), o)
			native.LogSumExpRows(sum[:], native.Row(x), o)
			native.LogProbs(prob[:], native.Row(x), []int{n - 1}, o)
			for _, i := range []int{0, n - 1} {
				if !same(soft[i], want) || !same(log[i], wantLog) || sum[0] != negInf || !same(prob[0], wantLog) {
					t.Errorf("zeros %v, %d goroutines: %v, logarithm %v and by LogProbs %v, log-sum-exp %v", zeros, goroutines, soft[i], log[i], prob[0], sum[0])
				}
			}
		}
	}
}

// TestLogSoftmaxGradTerms holds what a NaN makes of log-softmax's gradient, and an error bound where the sum cancels.
func TestLogSoftmaxGradTerms(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, n := range []int{3, 33, 300} {
			y, dy, got := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range y {
				y[i], dy[i] = -1, 1
			}
			for _, x := range [][]float32{y, dy} {
				x[1] = nan
				native.LogSoftmaxGrad(got, y, dy)
				for i, v := range got {
					if (v != v) != (i == 1 || &x[0] == &dy[0]) || otherNaN(v) {
						t.Errorf("level %v, %d elements, a NaN in dy %v: result %d is %v", arith.Best, n, &x[0] == &dy[0], i, v)
					}
				}
				x[1] = -1
			}
			dy[0], dy[n-1] = 1e18, -1e18 // in one lane of 33
			sum := -1 + float64(n-3)
			native.LogSoftmaxGrad(got, y, dy)
			for i, v := range got {
				e := math.Exp(-1)
				want, allowed := float64(dy[i])-e*sum, 0x1p-24*math.Abs(float64(dy[i]))+0x1p-21*e*math.Abs(sum)+float64(n+64)*0x1p-57*e*2e18
				if !(math.Abs(float64(v)-want) <= allowed) {
					t.Errorf("level %v, %d elements: result %d is %v, want %v +- %v", arith.Best, n, i, v, want, allowed)
				}
			}
		}
	}
}

// TestLeastSoftmax has softmaxes about 2^-126, where they become 0.
func TestLeastSoftmax(t *testing.T) {
	for _, arith.Best = range levels() {
		zeros := 0
		for k := range 200 {
			d := math.Nextafter32(-126*math.Ln2, 0)
			total := math.Exp(float64(d)) * 0x1p126 * (1 - float64(k-50)*0x1p-26) // makes the softmax 2^-126 * (1 + (k-50)*2^-26)
			if total <= 1 {
				continue
			}
			x, y := []float32{0, d, float32(math.Log(total - 1))}, make([]float32, 3)
			native.Softmax(y, x)
			want := math.Exp(float64(d)) / (1 + math.Exp(float64(x[2])))
			switch {
			case y[1] == 0 && want < 0x1p-126*(1+0x1p-20):
				zeros++
			case !(float64(y[1]) >= 0x1p-126 && math.Abs(float64(y[1])-want) <= softmaxBound*want):
				t.Errorf("level %v: softmax of %v is %v, want %v", arith.Best, x, y[1], want)
			}
		}
		if zeros == 0 || zeros == 200 {
			t.Errorf("level %v: %d results are 0", arith.Best, zeros)
		}
	}
}
