package native_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TestScales compares each row with what it is alone, with its scale.
func TestScales(t *testing.T) {
	values := []float32{0, 1, 1, 1, 0.37, 2.5, -1, -3, 1e-38, 0x1p125, float32(math.Inf(1)), float32(math.NaN())}
	calls := 400
	if testing.Short() {
		calls = 70
	}
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 2))
		for range calls {
			rows, cols := 1+r.IntN(7), 1+r.IntN(1<<r.IntN(12))
			if r.IntN(50) == 0 {
				rows, cols = 2, native.ChunkLen+r.IntN(native.ChunkLen)
			}
			all := native.Options{Causal: r.IntN(3) == 0, Offset: r.IntN(cols), ZeroRows: r.IntN(2) == 0, Goroutines: r.IntN(4), Scales: make([]float32, rows)}
			for i := range all.Scales {
				all.Scales[i] = values[r.IntN(len(values))]
			}
			if r.IntN(3) == 0 {
				all.Add = native.Row(fewElements(r, cols))
			}
			src := native.Rows(fewElements(r, rows*cols), cols)
			half := converted(src, native.ToFloat16)
			got, want := make([]float32, rows*cols), make([]float32, cols)
			for name, f := range map[string]func(dst []float32, first, n int, o *native.Options){
				"SoftmaxRows": func(dst []float32, first, n int, o *native.Options) {
					native.SoftmaxRows(native.Rows(dst, cols), part(src, first, n), o)
				},
				"LogSoftmaxRows": func(dst []float32, first, n int, o *native.Options) {
					native.LogSoftmaxRows(native.Rows(dst, cols), part(half, first, n), o)
				},
				"LogSumExpRows": func(dst []float32, first, n int, o *native.Options) {
					clear(dst)
					native.LogSumExpRows(dst[:n], part(src, first, n), o)
				},
				"LogProbs": func(dst []float32, first, n int, o *native.Options) {
					clear(dst)
					native.LogProbs(dst[:n], part(src, first, n), make([]int, n), o)
				},
				"SoftmaxGradRows": func(dst []float32, first, n int, o *native.Options) {
					native.SoftmaxGradRows(native.Rows(dst, cols), part(src, first, n), part(src, first, n), o)
				},
			} {
				f(got, 0, rows, &all)
				for i := range rows {
					one := all
					one.Scale, one.Scales, one.Offset = all.Scales[i], nil, all.Offset+i
					f(want, i, 1, &one)
					n, row := cols, got[i*cols:]
					if name == "LogSumExpRows" || name == "LogProbs" {
						n, row = 1, got[i:]
					}
					for k := range n {
						if math.Float32bits(row[k]) != math.Float32bits(want[k]) {
							t.Fatalf("level %v: %s of %d x %d, row %d with scale %v, column %d: %v, alone it is %v",
								arith.Best, name, rows, cols, i, one.Scale, k, row[k], want[k])
						}
					}
				}
			}
		}
	}
}

// part is n rows of a matrix from first on.
func part[T any](m native.Matrix[T], first, n int) native.Matrix[T] {
	return native.Matrix[T]{Rows: n, Cols: m.Cols, Data: m.Data[first*m.Stride:], Stride: m.Stride}
}

func TestScalesPanics(t *testing.T) {
	x, y := make([]float32, 8), make([]float32, 8)
	dst, src := native.Rows(y, 4), native.Rows(x, 4)
	for _, o := range []struct {
		native.Options
		text string
	}{
		{native.Options{Scales: y[:2]}, "overlaps Options.Scales of 2"},
		{native.Options{Scales: make([]float32, 3)}, "Options.Scales has 3 elements, it must have one for each of 2 rows"},
		{native.Options{Scales: make([]float32, 2), Scale: 2}, "Options.Scale is 2 beside 2 Options.Scales, it must be 0"},
	} {
		wantPanic(t, o.text, func() { native.SoftmaxRows(dst, src, &o.Options) })
		wantPanic(t, o.text, func() { native.LogSumExpRows(y[:2], src, &o.Options) })
		wantPanic(t, o.text, func() { native.SoftmaxGradRows(dst, src, src, &o.Options) })
	}
}

// TestScalesEmpty holds that empty Options.Scales say nothing, wherever they are.
func TestScalesEmpty(t *testing.T) {
	src := native.Rows([]float32{1, 2, 3, 4, 6, 9}, 3)
	plain, empty := native.Options{Scale: 2}, native.Options{Scale: 2}
	for name, f := range map[string]func(dst native.Matrix[float32], o *native.Options){
		"SoftmaxRows":     func(dst native.Matrix[float32], o *native.Options) { native.SoftmaxRows(dst, src, o) },
		"LogSumExpRows":   func(dst native.Matrix[float32], o *native.Options) { native.LogSumExpRows(dst.Data[:2], src, o) },
		"SoftmaxGradRows": func(dst native.Matrix[float32], o *native.Options) { native.SoftmaxGradRows(dst, src, src, o) },
	} {
		got, want := make([]float32, 6), make([]float32, 6)
		empty.Scales = got[1:1]
		f(native.Rows(got, 3), &empty)
		f(native.Rows(want, 3), &plain)
		compareRows(t, name, got, want)
	}
}

func TestScalesAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	src, dst := native.Rows(make([]float32, 400), 100), native.Rows(make([]float32, 400), 100)
	o := &native.Options{Scales: []float32{1, 2, 2, -3}, Causal: true}
	f := func() { native.SoftmaxRows(dst, src, o); native.LogSoftmaxRows(dst, src, o) }
	f() // what a pool has to get first
	if n := testing.AllocsPerRun(10, f); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
