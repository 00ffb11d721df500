package native_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestPreparedRows holds that rows with masks, scales and 16-bit elements have the bits of the
// softmax of rows that plain code prepared, whichever way they are done.
func TestPreparedRows(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	negInf := float32(math.Inf(-1))
	lengths := []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 100, 128, 129, 200, 256, 257, 300, 1000, 4096, 4097, 5000}
	reps := 42
	if testing.Short() {
		reps = 21
	}
	for _, n := range lengths {
		for rep := range reps {
			rows := 1 + r.IntN(40)
			if n > 300 {
				rows = 1 + r.IntN(4)
			}
			what := fmt.Sprintf("%d rows of %d, case %d", rows, n, rep)
			half, causal := rep%3, rep%7 == 3
			x := make([]float32, rows*n)
			f16, bf16 := make([]native.Float16, len(x)), make([]native.BFloat16, len(x))
			for i := range x {
				x[i] = r.Float32()*20 - 10
				if rep%5 == 4 && r.IntN(50) == 0 {
					x[i] = []float32{negInf, float32(math.NaN()), 1000, -1000, 60000, math.MaxFloat32}[r.IntN(6)]
				}
				f16[i], bf16[i] = native.ToFloat16(x[i]), native.ToBFloat16(x[i])
				switch half {
				case 1:
					x[i] = f16[i].Float32()
				case 2:
					x[i] = bf16[i].Float32()
				}
			}
			o := native.Options{Scale: []float32{0, 0.125, -1, 3}[r.IntN(4)], Causal: causal, Offset: r.IntN(n+1) - rows/2, ZeroRows: rep%2 == 0}
			p := arith.Preparation{Mul: 1}
			scale := o.Scale
			if scale == 0 {
				scale = 1
			}
			if scale < 0 {
				p.Mul, scale = -1, -scale
			}
			if rep&1 != 0 {
				p.Keep = make([]bool, n*max(1, rows*r.IntN(2)))
				for i := range p.Keep {
					p.Keep[i] = r.IntN(4) > 0
				}
				if len(p.Keep) > n {
					p.KeepStride = n
				}
				o.Keep = native.Rows(p.Keep, n)
			}
			if rep&2 != 0 {
				p.Add = make([]float32, n*max(1, rows*r.IntN(2)))
				for i := range p.Add {
					if p.Add[i] = r.Float32(); r.IntN(6) == 0 {
						p.Add[i] = negInf
					}
				}
				if len(p.Add) > n {
					p.AddStride = n
				}
				o.Add = native.Rows(p.Add, n)
				if o.Scale != 0 {
					p.Mul = o.Scale
				}
				scale = 1
			}
			want := make([]float32, len(x))
			arith.Plain.PrepareRows(want, x, rows, n, n, n, &p)
			for i := range rows {
				row := want[i*n:][:n]
				for k := range row {
					if causal && k > i+o.Offset {
						row[k] = negInf
					}
				}
				native.SoftmaxRows(native.Row(row), native.Row(row), &native.Options{Scale: scale, ZeroRows: o.ZeroRows})
			}
			got := make([]float32, len(x))
			out16, outB := make([]native.Float16, len(x)), make([]native.BFloat16, len(x))
			switch half {
			case 0:
				native.SoftmaxRows(native.Rows(got, n), native.Rows(x, n), &o)
				native.SoftmaxRows(native.Rows(out16, n), native.Rows(x, n), &o)
				native.SoftmaxRows(native.Rows(x, n), native.Rows(x, n), &o)
				compareRows(t, what+", in place", x, want)
			case 1:
				native.SoftmaxRows(native.Rows(got, n), native.Rows(f16, n), &o)
				native.SoftmaxRows(native.Rows(out16, n), native.Rows(f16, n), &o)
				native.SoftmaxRows(native.Rows(outB, n), native.Rows(f16, n), &o)
			case 2:
				native.SoftmaxRows(native.Rows(got, n), native.Rows(bf16, n), &o)
				native.SoftmaxRows(native.Rows(out16, n), native.Rows(bf16, n), &o)
				native.SoftmaxRows(native.Rows(bf16, n), native.Rows(bf16, n), &o)
				copy(outB, bf16)
			}
			compareRows(t, what, got, want)
			for i, y := range want {
				if out16[i] != native.ToFloat16(y) || half > 0 && outB[i] != native.ToBFloat16(y) {
					t.Fatalf("%s: element %d is %#04x in float16 and %#04x in bfloat16, want those of %v", what, i, out16[i], outB[i], y)
				}
			}
		}
	}
}

func compareRows(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestManyHalves has so many 16-bit elements and results that they are asked for ahead of time.
// Rows have the bits that each has alone.
func TestManyHalves(t *testing.T) {
	arith.Best = levels()[len(levels())-1] // others ask for nothing, or in the same way
	for _, cols := range []int{257, 5000} {
		rows := native.TouchFrom/cols + 2
		x := make([]float32, (rows-1)*(cols+3)+cols)
		r := rand.New(rand.NewPCG(uint64(cols), 5))
		for i := range x {
			x[i] = r.Float32()*20 - 10
		}
		src := native.Matrix[float32]{Rows: rows, Cols: cols, Data: x, Stride: cols + 3}
		manyHalves(t, converted(src, native.ToFloat16), nil)
		manyHalves(t, converted(src, native.ToBFloat16), nil)
		manyHalves(t, src, &native.Options{Scale: -1}) // which are prepared, but not asked for
	}
}

func manyHalves[T native.Element](t *testing.T, src native.Matrix[T], o *native.Options) {
	t.Helper()
	stride := src.Cols + 5
	dst := native.Matrix[T]{Rows: src.Rows, Cols: src.Cols, Data: make([]T, (src.Rows-1)*stride+src.Cols), Stride: stride}
	logs := native.Matrix[T]{Rows: src.Rows, Cols: src.Cols, Data: make([]T, (src.Rows-1)*stride+src.Cols), Stride: stride}
	native.SoftmaxRows(dst, src, o)
	native.LogSoftmaxRows(logs, src, o)
	want, wantLog := make([]T, src.Cols), make([]T, src.Cols)
	for i := range src.Rows {
		row := native.Row(src.Data[i*src.Stride:][:src.Cols])
		native.SoftmaxRows(native.Row(want), row, o)
		native.LogSoftmaxRows(native.Row(wantLog), row, o)
		if got := dst.Data[i*stride:][:src.Cols]; !slices.Equal(got, want) {
			t.Fatalf("level %v, %T, %d x %d: row %d differs from what it is alone", arith.Best, want, src.Rows, src.Cols, i)
		}
		if got := logs.Data[i*stride:][:src.Cols]; !slices.Equal(got, wantLog) {
			t.Fatalf("level %v, %T, %d x %d: the logarithm of row %d differs from what it is alone", arith.Best, want, src.Rows, src.Cols, i)
		}
	}
}

// TestManyRows has more elements than one call of a kernel takes, and rows that kernels leave where one call ends
// and the next begins. Rows have the bits that each has alone.
func TestManyRows(t *testing.T) {
	for _, cols := range []int{1, 100, native.CallLen, native.CallLen + 1} {
		if n := native.RowsOfCall(cols); n < 1 || n > 1 && n*cols > native.CallLen {
			t.Errorf("a call takes %d rows of %d elements", n, cols)
		}
	}
	const rows, cols = 6000, 100
	x, keep := make([]float32, rows*cols), make([]bool, cols)
	r := rand.New(rand.NewPCG(18, 18))
	for i := range x {
		x[i] = r.Float32()*20 - 10
	}
	for i := range keep {
		keep[i] = i%3 > 0
	}
	for i := native.CallLen/cols - 2; i < native.CallLen/cols+2; i += 1 + i%2 {
		x[i*cols+50] = 1e6
	}
	src := native.Rows(x, cols)
	for what, o := range map[string]*native.Options{
		"plain": nil, "scale": {Scale: 0.5}, "keep": {Keep: native.Row(keep)}, "add": {Add: native.Row(x[:cols])}, "causal": {Causal: true, Offset: cols},
	} {
		want := make([]float32, rows*cols)
		for i := range rows {
			native.SoftmaxRows(native.Row(want[i*cols:][:cols]), native.Row(x[i*cols:][:cols]), o)
		}
		for _, arith.Best = range levels() {
			got := make([]float32, rows*cols)
			native.SoftmaxRows(native.Rows(got, cols), src, o)
			compareRows(t, fmt.Sprintf("level %v, %s", arith.Best, what), got, want)
		}
	}
}

// TestRowsOfGoroutines has so many rows that goroutines take some at a time, the last ones too. Results are those
// of one goroutine.
func TestRowsOfGoroutines(t *testing.T) {
	const rows, cols, k = 1003, 7, 2
	x := native.Rows(inputs.Normal.Row(4, rows*cols), cols)
	y := native.Rows(inputs.Normal.Row(5, rows*cols), cols)
	index := make([]int, rows)
	for i := range index {
		index[i] = i % cols
	}
	for name, f := range map[string]func(dst native.Matrix[float32], o *native.Options){
		"SoftmaxRows":        func(dst native.Matrix[float32], o *native.Options) { native.SoftmaxRows(dst, x, o) },
		"LogSoftmaxRows":     func(dst native.Matrix[float32], o *native.Options) { native.LogSoftmaxRows(dst, x, o) },
		"LogSumExpRows":      func(dst native.Matrix[float32], o *native.Options) { native.LogSumExpRows(dst.Data[:rows], x, o) },
		"LogProbs":           func(dst native.Matrix[float32], o *native.Options) { native.LogProbs(dst.Data[:rows], x, index, o) },
		"SoftmaxGradRows":    func(dst native.Matrix[float32], o *native.Options) { native.SoftmaxGradRows(dst, x, y, o) },
		"LogSoftmaxGradRows": func(dst native.Matrix[float32], o *native.Options) { native.LogSoftmaxGradRows(dst, x, y, o) },
		"SoftmaxAxis": func(dst native.Matrix[float32], o *native.Options) {
			native.SoftmaxAxis(native.Along(dst.Data, []int{cols, rows}, 0), native.Along(x.Data, []int{cols, rows}, 0), o)
		},
		"TopK": func(dst native.Matrix[float32], o *native.Options) {
			columns := native.Rows(make([]int, rows*k), k)
			native.TopK(native.Rows(dst.Data[:rows*k], k), columns, x, o)
			for i, c := range columns.Data {
				dst.Data[rows*k+i] = float32(c)
			}
		},
		"ExpRows and DivideRows": func(dst native.Matrix[float32], o *native.Options) {
			sums := make([]native.Accumulator, rows)
			native.ExpRows(dst, x, sums, make([]float32, rows), o)
			native.DivideRows(dst, dst, sums, o)
		},
	} {
		want, got := like(x), like(x)
		f(want, nil)
		for _, goroutines := range []int{2, 3, 7} {
			clear(got.Data)
			f(got, &native.Options{Goroutines: goroutines})
			if !sameRow(got.Data, want.Data) {
				t.Errorf("%s by %d goroutines differs", name, goroutines)
			}
		}
	}
}
