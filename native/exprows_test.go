package native_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestExpRows holds rows in one block: the quotient has the bits of SoftmaxRows, and the accumulator
// is that of Add; exponentials are in their range.
func TestExpRows(t *testing.T) {
	calls := 4000
	if testing.Short() {
		calls = 500
	}
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 4))
		for range calls {
			rows, cols := randomShape(r, 11)
			o := randomOptions(r, rows, cols, 0.37, 2.5, -1, -3, 1e-20, 0x1p125, float32(math.Inf(1)))
			plain := o.Scale >= 0 && o.Scale < 0x1p120 && o.Add.Data == nil && o.Keep.Data == nil
			src := native.Rows(fewElements(r, rows*cols), cols)
			if r.IntN(2) == 0 {
				classes := append(inputs.Classes(), inputs.Hard()...)
				for i := range rows {
					copy(src.Data[i*cols:], classes[r.IntN(len(classes))].Row(r.Uint64(), cols))
				}
			}
			want, e, got := like(src), like(src), like(src)
			native.SoftmaxRows(want, src, o)
			sums, factors := make([]native.Accumulator, rows), make([]float32, rows)
			native.ExpRows(e, src, sums, factors, o)
			native.DivideRows(got, e, sums, o)
			what := func() string { return fmt.Sprintf("level %v, %d x %d, options %+v", arith.Best, rows, cols, *o) }
			if !sameBits(got.Data, want.Data) {
				compareRows(t, what(), got.Data, want.Data)
			}
			for i := range rows {
				x, y := src.Data[i*cols:][:cols], e.Data[i*cols:][:cols]
				if o.Causal {
					x = x[:max(0, min(cols, i+o.Offset+1))]
				}
				if plain {
					scale := o.Scale
					if scale == 0 {
						scale = 1
					}
					a := native.NewAccumulator(scale)
					a.Add(x)
					if a != sums[i] {
						t.Fatalf("%s: the accumulator of row %d is %+v, Add makes %+v", what(), i, sums[i], a)
					}
				}
				switch top, p := slices.Max(y), slices.Max(want.Data[i*cols:][:cols]); {
				case top == 0:
					if p > 0 || slices.Min(y) != 0 || factors[i] != 0 || sums[i].Reciprocal() == sums[i].Reciprocal() {
						t.Fatalf("%s: row %d has the exponentials %v and the factor %v, want zeros", what(), i, y, factors[i])
					}
				case p != p:
					if slices.ContainsFunc(y, func(e float32) bool { return e == e }) || factors[i] == factors[i] {
						t.Fatalf("%s: row %d has the exponentials %v and the factor %v, want NaN", what(), i, y, factors[i])
					}
				default:
					if !(top >= 2.9 && top <= 6.4) || factors[i] != 0 {
						t.Fatalf("%s: the largest exponential of row %d is %v, and the factor %v", what(), i, top, factors[i])
					}
					if q := top * sums[i].Reciprocal(); math.Abs(float64(q)/float64(p)-1) > 0x1.1p-23 {
						t.Fatalf("%s: the largest exponential of row %d times the reciprocal is %v, want %v", what(), i, q, p)
					}
				}
			}
		}
	}
}

// TestExpRowsFactors has elements a number of powers of two above those before: the factor is the power
// of two between them, down to the smallest normal number, and 0 below that.
func TestExpRowsFactors(t *testing.T) {
	for _, arith.Best = range levels() {
		for powers := range 2 * 130 {
			var o *native.Options
			if powers >= 130 { // by the other path
				powers, o = powers-130, &native.Options{Keep: native.Row([]bool{true, true})}
			}
			sums, factor := make([]native.Accumulator, 1), make([]float32, 1)
			for _, x := range []float32{0, float32(powers) * math.Ln2} {
				row := native.Row([]float32{x, x - 1})
				native.ExpRows(row, row, sums, factor, o)
			}
			want := float32(math.Ldexp(1, -powers))
			if powers > 126 {
				want = 0
			}
			if factor[0] != want {
				t.Errorf("level %v: %d powers of two make the factor %v, want %v", arith.Best, powers, factor[0], want)
			}
		}
	}
}

// TestExpRowsHalves holds that exponentials in 16 bits are those in float32, rounded, and that elements
// in 16 bits are their values in float32.
func TestExpRowsHalves(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, shape := range [][2]int{{5, 1}, {4, 2}, {7, 100}, {3, 1000}, {2, 5000}} {
			rows, cols := shape[0], shape[1]
			half := converted(native.Rows(inputs.Normal.Row(3, rows*cols), cols), native.ToFloat16)
			half.Data[0] = native.ToFloat16(nan) // which the first row is then
			src := like(native.Rows(make([]float32, rows*cols), cols))
			for i, x := range half.Data {
				src.Data[i] = x.Float32()
			}
			keep := make([]bool, cols)
			for i := range keep {
				keep[i] = i%2 == 0
			}
			for _, o := range []*native.Options{nil, {Scale: 0.5}, {Scale: -3}, {Causal: true, Offset: cols / 2}, {Keep: native.Row(keep)}} {
				want, sums := like(src), make([]native.Accumulator, rows)
				native.ExpRows(want, src, sums, make([]float32, rows), o)
				got, same, brief := make([]native.Float16, rows*cols), slices.Clone(half.Data), make([]native.BFloat16, rows*cols)
				expRowsHalf(t, native.Rows(got, cols), src, sums, o)
				expRowsHalf(t, native.Rows(same, cols), native.Rows(same, cols), sums, o)
				expRowsHalf(t, native.Rows(brief, cols), half, sums, o)
				for i, e := range want.Data {
					if f, b := native.ToFloat16(e), native.ToBFloat16(e); got[i] != f || same[i] != f || brief[i] != b {
						t.Fatalf("level %v, %d x %d, options %+v: exponential %d of row %d is %#x in float16, %#x in place, and %#x in bfloat16; want %#x and %#x",
							arith.Best, rows, cols, o, i%cols, i/cols, got[i], same[i], brief[i], f, b)
					}
				}
			}
		}
	}
}

func expRowsHalf[D, S native.Element](t *testing.T, dst native.Matrix[D], src native.Matrix[S], want []native.Accumulator, o *native.Options) {
	t.Helper()
	sums := make([]native.Accumulator, src.Rows)
	native.ExpRows(dst, src, sums, make([]float32, src.Rows), o)
	for i := range sums {
		if got, want := sums[i].LogSumExp(), want[i].LogSumExp(); got != want && got == got {
			t.Fatalf("level %v, %T of %T: the log-sum-exp of row %d is %v, want %v", arith.Best, dst.Data, src.Data, i, got, want)
		}
	}
}

// like is an empty matrix of the shape.
func like(m native.Matrix[float32]) native.Matrix[float32] {
	return native.Rows(make([]float32, m.Rows*m.Cols), m.Cols)
}

// TestExpRowsBlocks takes rows in blocks, with a causal mask that goes on from block to block, and in
// two parts that are merged, and holds exponentials and weighted sums to the softmax of whole rows.
func TestExpRowsBlocks(t *testing.T) {
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 6))
		for range 300 {
			rows, cols := 1+r.IntN(20), 2+r.IntN(300)
			// Far from 0, a row's reference changes from block to block.
			src := native.Rows(inputs.Uniform10.Row(r.Uint64(), rows*cols), cols)
			size := []float32{1, 1, 10, 1e3, 3e4, 1e5}[r.IntN(6)]
			for i := range src.Data {
				src.Data[i] *= size
			}
			o := native.Options{Causal: r.IntN(2) == 0, Offset: r.IntN(cols), Goroutines: r.IntN(3), Scale: []float32{0, 0.5, -2}[r.IntN(3)]}
			want, got := like(src), like(src)
			native.SoftmaxRows(want, src, &o)
			cut := 1 + r.IntN(cols-1)
			var parts [2][]native.Accumulator
			factors := make([]float32, rows)
			for p, span := range [2][2]int{{0, cut}, {cut, cols}} {
				parts[p] = make([]native.Accumulator, rows)
				for at := span[0]; at < span[1]; {
					n := min(1+r.IntN(80), span[1]-at)
					part := func(m native.Matrix[float32]) native.Matrix[float32] {
						return native.Matrix[float32]{Rows: rows, Cols: n, Data: m.Data[at:], Stride: cols}
					}
					own := o
					own.Offset -= at
					native.ExpRows(part(got), part(src), parts[p], factors, &own)
					for i := range rows {
						scaleBy(got.Data[i*cols:][span[0]:at], factors[i])
					}
					at += n
				}
			}
			sums := slices.Clone(parts[0])
			for i := range sums {
				sums[i].Merge(&parts[1][i])
				scaleBy(got.Data[i*cols:][:cut], sums[i].Factor(&parts[0][i]))
				scaleBy(got.Data[i*cols:][cut:cols], sums[i].Factor(&parts[1][i]))
			}
			native.DivideRows(got, got, sums, nil)
			for i, p := range want.Data {
				if d := math.Abs(float64(got.Data[i]) - float64(p)); d > 0x1p-20*float64(p)+0x1p-100 {
					t.Fatalf("level %v, %d x %d, size %v, cut at %d, options %+v: element %d of row %d is %v, want %v",
						arith.Best, rows, cols, size, cut, o, i%cols, i/cols, got.Data[i], p)
				}
			}
		}
	}
}

func scaleBy(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// TestDivideRows has results of all sizes and signs.
func TestDivideRows(t *testing.T) {
	var a native.Accumulator
	native.ExpRows(native.Row(make([]float32, 3)), native.Row([]float32{1, 2, 0.5}), []native.Accumulator{{}}, make([]float32, 1), nil)
	sums := []native.Accumulator{a}
	e := make([]float32, 3)
	native.ExpRows(native.Row(e), native.Row([]float32{1, 2, 0.5}), sums, make([]float32, 1), nil)
	total := float64(e[0]) + float64(e[1]) + float64(e[2])
	const many = 1 << 17
	large, equal := []native.Accumulator{{}}, native.Row(make([]float32, many))
	native.ExpRows(equal, equal, large, make([]float32, 1), nil)
	x := []float32{1, -1, 0, 1e-20, -1e-30, 1 << 24, -3e7, 1e30, -3e38, 5e-38, -5e-38, 1e-40, 1e12, 1e18, -1e24, 1e-33, -1e-37}
	for _, arith.Best = range levels() {
		check := func(x []float32, sums []native.Accumulator, total float64) {
			y := make([]float32, len(x))
			native.DivideRows(native.Row(y), native.Row(x), sums, nil)
			for i, y := range y {
				want := float64(x[i]) / total
				if math.Abs(want) < 0x1p-126 {
					want = 0
				}
				if d := math.Abs(float64(y) - want); d > 0x1.01p-24*math.Abs(want) {
					t.Errorf("level %v: %v / %v is %v, want %v", arith.Best, x[i], total, y, want)
				}
			}
		}
		for n := 1; n <= len(x); n++ { // the first ones without those that are slow
			check(x[:n], sums, total)
			check(x[n-1:n], sums, total)
			check(x[n-1:n], large, float64(equal.Data[0])*many)
		}
		y := []float32{nan, inf, negInf}
		native.DivideRows(native.Row(y), native.Row(y), sums, nil)
		if math.Float32bits(y[0]) != 0x7fc00000 || y[1] != inf || y[2] != negInf {
			t.Errorf("level %v: NaN, +Inf, -Inf divided are %v", arith.Best, y)
		}
		y = []float32{1, 2}
		native.DivideRows(native.Row(y), native.Row(y), make([]native.Accumulator, 1), nil)
		if math.Float32bits(y[0]) != 0x7fc00000 || math.Float32bits(y[1]) != 0x7fc00000 {
			t.Errorf("level %v: divided by an empty sum: %v, want NaN", arith.Best, y)
		}
		native.DivideRows(native.Row(y), native.Row(y), make([]native.Accumulator, 1), &native.Options{ZeroRows: true})
		if y[0] != 0 || y[1] != 0 {
			t.Errorf("level %v: divided by an empty sum with ZeroRows: %v, want 0", arith.Best, y)
		}
	}
	rows := native.Rows(inputs.Normal.Row(1, 600*100), 100)
	got, want, all := like(rows), like(rows), slices.Repeat(sums, 600)
	native.DivideRows(want, rows, all, nil)
	native.DivideRows(got, rows, all, &native.Options{Goroutines: 3})
	compareRows(t, "three goroutines", got.Data, want.Data)
	native.DivideRows(rows, rows, all, &native.Options{Goroutines: 3})
	compareRows(t, "three goroutines, in place", rows.Data, want.Data)
}

func TestExpRowsPanics(t *testing.T) {
	x, y := make([]float32, 8), make([]float32, 8)
	dst, src, sums, factors := native.Rows(y, 4), native.Rows(x, 4), make([]native.Accumulator, 2), make([]float32, 2)
	for _, c := range []struct {
		text    string
		dst     native.Matrix[float32]
		sums    []native.Accumulator
		factors []float32
		o       *native.Options
	}{
		{"native.ExpRows: len(sums) is 1, len(factors) is 2, both must be the number of rows, 2", dst, sums[:1], factors, nil},
		{"native.ExpRows: len(sums) is 2, len(factors) is 3", dst, sums, make([]float32, 3), nil},
		{"native.ExpRows: factors of 2 elements overlap", dst, sums, y[6:], nil},
		{"native.ExpRows: factors of 2 elements overlap", dst, sums, x[6:], nil},
		{"native.ExpRows: factors of 2 elements overlap", dst, sums, factors, &native.Options{Scales: factors}},
		{"native.ExpRows: factors of 2 elements overlap", dst, sums, factors, &native.Options{Keep: native.Row(unsafe.Slice((*bool)(unsafe.Pointer(&factors[1])), 4))}},
		{"native.ExpRows: dst overlaps Options.Add of 4", dst, sums, factors, &native.Options{Add: native.Row(y[4:])}},
		{"native.ExpRows: dst is 1 x 8, src is 2 x 4", native.Row(y), sums, factors, nil},
		{"native.ExpRows: row 0: native: an accumulator's scale is 1e-38", dst, sums, factors, &native.Options{Scale: 1e-38}},
		{"native.ExpRows: row 1: native: an accumulator's scale is 1e-38", dst, sums, factors, &native.Options{Scales: []float32{1, -1e-38}}},
	} {
		wantPanic(t, c.text, func() { native.ExpRows(c.dst, src, c.sums, c.factors, c.o) })
	}
	native.ExpRows(dst, src, sums, factors, &native.Options{Scale: -3})
	wantPanic(t, "native.ExpRows: sums[0] has scale 3, the row's is 1", func() { native.ExpRows(dst, src, sums, factors, nil) })
	wantPanic(t, "native.ExpRows: sums[1] has scale 3, the row's is 2", func() { native.ExpRows(dst, src, sums, factors, &native.Options{Scales: []float32{-3, 2}}) })
	wantPanic(t, "native.DivideRows: len(sums) is 1, it must be the number of rows, 2", func() { native.DivideRows(dst, src, sums[:1], nil) })
	wantPanic(t, "native.DivideRows: dst of 7 elements overlaps src of 7", func() { native.DivideRows(native.Row(y[:7]), native.Row(y[1:]), sums[:1], nil) })
	native.DivideRows(native.Matrix[float32]{Rows: 2}, native.Matrix[float32]{Rows: 2}, sums, nil)
	native.ExpRows(native.Matrix[float32]{Rows: 2}, native.Matrix[float32]{Rows: 2}, sums, factors, &native.Options{Scale: 3})
	if !slices.Equal(factors, []float32{1, 1}) {
		t.Errorf("the factors of rows without elements are %v, want 1", factors)
	}
}

func TestExpRowsAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	src, dst := native.Rows(make([]float32, 400), 100), native.Rows(make([]float32, 400), 100)
	half := native.Rows(make([]native.BFloat16, 400), 100)
	sums, factors := make([]native.Accumulator, 4), make([]float32, 4)
	for _, arith.Best = range levels() {
		f := func() {
			native.ExpRows(dst, src, sums, factors, nil)
			native.ExpRows(half, half, sums, factors, &native.Options{Causal: true})
			native.DivideRows(dst, dst, sums, nil)
		}
		f() // what a pool has to get first
		if n := testing.AllocsPerRun(10, f); n > 0 {
			t.Errorf("level %v: %v allocations", arith.Best, n)
		}
	}
}

// BenchmarkExpRows has the softmax of the same rows next to it.
func BenchmarkExpRows(b *testing.B) {
	for _, shape := range [][2]int{{1024, 16}, {256, 64}, {128, 128}, {64, 256}, {16, 1024}, {4, 32768}} {
		src := native.Rows(inputs.Normal.Row(1, shape[0]*shape[1]), shape[1])
		dst := like(src)
		sums, factors := make([]native.Accumulator, src.Rows), make([]float32, src.Rows)
		for name, f := range map[string]func(){
			"ExpRows":     func() { native.ExpRows(dst, src, sums, factors, nil) },
			"SoftmaxRows": func() { native.SoftmaxRows(dst, src, nil) },
			"DivideRows":  func() { native.DivideRows(dst, src, sums, nil) },
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, src.Rows, src.Cols), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				perElement(b, len(src.Data))
			})
		}
	}
}

// Attention of one query, its keys and values in two blocks.
func ExampleExpRows() {
	scores := [][]float32{{1, 3}, {2, 5}} // of the query and the keys of a block
	values := [][][2]float32{{{1, 0}, {0, 1}}, {{1, 1}, {2, -1}}}
	sums, factors := make([]native.Accumulator, 1), make([]float32, 1)
	out := make([]float32, 2)
	for block, x := range scores {
		native.ExpRows(native.Row(x), native.Row(x), sums, factors, nil)
		for d := range out {
			out[d] *= factors[0]
			for k, e := range x {
				out[d] += e * values[block][k][d]
			}
		}
	}
	native.DivideRows(native.Row(out), native.Row(out), sums, nil)
	fmt.Printf("%.4f, log-sum-exp %.4f\n", out, sums[0].LogSumExp())
	// Output: [1.7185 -0.6771], log-sum-exp 5.1852
}
