package f64_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

// fewElements are elements of all sizes, some of them special, but in most rows none.
func fewElements(r *rand.Rand, n int) []float64 {
	size := []float64{1, 5, 100, 1e10, 1e13, 1e300, 1e308}[r.IntN(7)]
	special := []float64{negInf, negInf, inf, nan, -math.MaxFloat64, math.MaxFloat64, math.Copysign(0, -1)}[r.IntN(7)]
	rare := []int{1, 2, 10, n, 1 << 30, 1 << 30, 1 << 30}[r.IntN(7)]
	round := r.IntN(4) == 0 // ties
	x := make([]float64, n)
	for i := range x {
		if x[i] = (r.Float64() + r.Float64() - 1) * size; round {
			x[i] = math.RoundToEven(x[i])
		}
		if r.IntN(rare) == 0 {
			x[i] = special
		}
	}
	return x
}

// randomOptions are for rows of cols elements.
func randomOptions(r *rand.Rand, rows, cols int) *f64.Options {
	o := &f64.Options{Causal: r.IntN(3) == 0, Offset: r.IntN(cols+rows) - rows, ZeroRows: r.IntN(2) == 0, Goroutines: r.IntN(4)}
	values := []float64{0, 1, 1, 0.37, 2.5, -1, -3, 1e-300, 0x1.3p-965, -0x1.3p-965, 0x1.3p965, inf, nan}
	switch r.IntN(3) {
	case 0:
		o.Scale = values[r.IntN(len(values))]
	case 1:
		for range rows {
			if n := len(o.Scales); n > 0 && r.IntN(2) == 0 {
				o.Scales = append(o.Scales, o.Scales[n-1])
			} else {
				o.Scales = append(o.Scales, values[r.IntN(len(values))])
			}
		}
	}
	mask := func(m, n int) (int, int) { return []int{1, m}[r.IntN(2)], n + r.IntN(4) }
	if r.IntN(3) == 0 {
		m, stride := mask(rows, cols)
		o.Add = f64.Matrix{Rows: m, Cols: cols, Data: fewElements(r, m*stride), Stride: stride}
	}
	if r.IntN(3) == 0 {
		m, stride := mask(rows, cols)
		o.Keep = native.Matrix[bool]{Rows: m, Cols: cols, Data: make([]bool, m*stride), Stride: stride}
		rare := 1 + r.IntN(1<<r.IntN(8))
		for i := range o.Keep.Data {
			o.Keep.Data[i] = r.IntN(rare) > 0 == (rare > 2)
		}
	}
	return o
}

// prepared is row i as far as the causal mask leaves it, after all options but a scale that is left.
func prepared(src f64.Matrix, i int, o *f64.Options) (x []float64, scale float64) {
	if scale = o.Scale; len(o.Scales) > 0 {
		scale = o.Scales[i]
	}
	n := src.Cols
	if o.Causal {
		n = min(n, max(0, i+o.Offset+1))
	}
	x = slices.Clone(src.Data[i*src.Stride:][:n])
	finite := func(y, x, a float64) float64 {
		if math.IsInf(y, 0) && !math.IsInf(x, 0) && !math.IsInf(a, 0) && !math.IsInf(scale, 0) {
			return math.Copysign(math.MaxFloat64, y)
		}
		return y
	}
	size := math.Abs(scale)
	for k, v := range x {
		switch {
		case o.Add.Data != nil:
			a, s := o.Add.Data[i%o.Add.Rows*o.Add.Stride+k], scale
			if s == 0 {
				s = 1
			}
			x[k] = finite(math.FMA(v, s, a), v, a)
		case scale != 0 && !(size >= 0x1p-960 && size <= 0x1p960):
			x[k] = finite(float64(v*scale), v, 0)
		case scale < 0:
			x[k] = -v
		}
		if o.Keep.Data != nil && !o.Keep.Data[i%o.Keep.Rows*o.Keep.Stride+k] {
			x[k] = negInf
		}
	}
	if o.Add.Data != nil || !(size >= 0x1p-960 && size <= 0x1p960) {
		return x, 1
	}
	return x, size
}

// alone is what a function makes of row i by itself, prepared by plain code.
func alone(src f64.Matrix, i int, o *f64.Options, log bool) (row []float64, lse float64, x []float64) {
	x, scale := prepared(src, i, o)
	row = make([]float64, src.Cols)
	one := &f64.Options{Scale: scale, ZeroRows: o.ZeroRows}
	f, hidden := f64.SoftmaxRows, 0.0
	if log {
		f, hidden = f64.LogSoftmaxRows, negInf
	}
	y := make([]float64, len(x))
	f(native.Row(y), native.Row(x), one)
	var sum [1]float64
	f64.LogSumExpRows(sum[:], native.Row(x), one)
	if len(y) == 0 && !o.ZeroRows || len(y) > 0 && y[0] != y[0] {
		hidden = nan
	}
	n := copy(row, y)
	for k := n; k < len(row); k++ {
		row[k] = hidden
	}
	for len(x) < src.Cols {
		x = append(x, negInf)
	}
	return row, sum[0], x
}

func matrixOf(rows, cols, stride int, x []float64) f64.Matrix {
	return f64.Matrix{Rows: rows, Cols: cols, Data: x, Stride: stride}
}

// TestOptions holds every function of rows, with random options, to what it makes of each row alone, and
// LogProbs and TopK to the whole rows, bit by bit.
func TestOptions(t *testing.T) {
	calls := 600
	if testing.Short() {
		calls = 150
	}
	defer f64.SetLeast(2000)()
	eachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(22, 7))
		for range calls {
			rows, cols := 1+r.IntN(6), 1+r.IntN(1<<r.IntN(11))
			if r.IntN(20) == 0 {
				rows, cols = 1+r.IntN(3), 4000+r.IntN(5000)
			}
			stride := cols + r.IntN(9)
			o := randomOptions(r, rows, cols)
			src := matrixOf(rows, cols, stride, fewElements(r, rows*stride))
			what := fmt.Sprintf("%d x %d, scale %v %v, causal %v %d, add %v, keep %v, zeros %v, %d goroutines", rows, cols,
				o.Scale, o.Scales, o.Causal, o.Offset, o.Add.Data != nil, o.Keep.Data != nil, o.ZeroRows, o.Goroutines)
			checkOptions(t, r, what, src, o)
			if t.Failed() {
				return
			}
		}
	})
}

func checkOptions(t *testing.T, r *rand.Rand, what string, src f64.Matrix, o *f64.Options) {
	t.Helper()
	rows, cols := src.Rows, src.Cols
	softmax, log := native.Rows(make([]float64, rows*cols), cols), native.Rows(make([]float64, rows*cols), cols)
	lse, probs, index := make([]float64, rows), make([]float64, rows), make([]int, rows)
	for i := range index {
		index[i] = r.IntN(cols)
	}
	f64.SoftmaxRows(softmax, src, o)
	f64.LogSoftmaxRows(log, src, o)
	f64.LogSumExpRows(lse, src, o)
	f64.LogProbs(probs, src, index, o)
	inPlace := matrixOf(rows, cols, src.Stride, slices.Clone(src.Data))
	f64.SoftmaxRows(inPlace, inPlace, o)
	k := r.IntN(min(cols, 1<<r.IntN(10)) + 1)
	top := matrixOf(rows, k, k+3, make([]float64, rows*(k+3)))
	columns := native.Matrix[int]{Rows: rows, Cols: k, Data: make([]int, rows*(k+1)), Stride: k + 1}
	f64.TopK(top, columns, src, o)
	for i := range rows {
		what := fmt.Sprintf("row %d of %s", i, what)
		p, sum, x := alone(src, i, o, false)
		same(t, "softmax, "+what, softmax.Data[i*cols:][:cols], p)
		same(t, "softmax in place, "+what, inPlace.Data[i*src.Stride:][:cols], p)
		y, _, _ := alone(src, i, o, true)
		same(t, "log-softmax, "+what, log.Data[i*cols:][:cols], y)
		same(t, "log-sum-exp, "+what, lse[i:i+1], []float64{sum})
		same(t, "LogProbs, "+what, probs[i:i+1], y[index[i]:][:1])
		checkTop(t, what, top.Data[i*top.Stride:][:k], columns.Data[i*columns.Stride:][:k], x, p)
	}
}

// checkTop compares with the first of the elements x in order, and their probabilities.
func checkTop(t *testing.T, what string, top []float64, index []int, x, p []float64) {
	t.Helper()
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	if !slices.ContainsFunc(p, math.IsNaN) {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
	}
	for m, k := range index {
		if k != order[m] {
			t.Fatalf("TopK, %s: place %d of %d is column %d, want %d", what, m, len(index), k, order[m])
		}
		same(t, "TopK, "+what, top[m:m+1], p[k:k+1])
	}
}

// TestExpRows: a row in one block becomes its softmax by DivideRows, bit by bit, and what accumulators
// then hold is what Accumulator.Add makes of the prepared row.
func TestExpRows(t *testing.T) {
	defer f64.SetLeast(2000)()
	eachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(22, 8))
		for range 300 {
			rows, cols := 1+r.IntN(6), 1+r.IntN(1<<r.IntN(11))
			src := matrixOf(rows, cols, cols+3, fewElements(r, rows*(cols+3)))
			o := randomOptions(r, rows, cols)
			want, got := native.Rows(make([]float64, rows*cols), cols), native.Rows(make([]float64, rows*cols), cols)
			f64.SoftmaxRows(want, src, o)
			sums, factors := make([]f64.Accumulator, rows), make([]float64, rows)
			f64.ExpRows(got, src, sums, factors, o)
			for i, f := range factors {
				x, scale := prepared(src, i, o)
				a := f64.NewAccumulator(scale)
				a.Add(x)
				g, _ := sums[i].MarshalBinary()
				if w, _ := a.MarshalBinary(); !bytes.Equal(g, w) {
					t.Fatalf("sum %d of %d x %d is % x, want % x", i, rows, cols, g, w)
				}
				row := got.Data[i*cols:][:cols]
				for k, e := range row {
					switch hidden := k >= len(x) || x[k] == negInf; {
					case a.LogSumExp() != a.LogSumExp() && e == e, hidden && e != 0 && e == e, e < 0 || e > 23:
						t.Fatalf("exponential %d of row %d is %v, log-sum-exp %v", k, i, e, a.LogSumExp())
					}
				}
				if special := a.LogSumExp(); f != 0 && !(f != f && (special == inf || special != special)) {
					t.Fatalf("the first factor of row %d is %v", i, f)
				}
			}
			f64.DivideRows(got, got, sums, o)
			same(t, fmt.Sprintf("%d x %d with %+v", rows, cols, o), got.Data, want.Data)
		}
	})
}

// TestBlocks is softmax(x) * v for a matrix v, in blocks of columns, against the same by softmax and
// products in math/big; and by two workers that are merged.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 9))
	for _, c := range classes {
		for _, block := range []int{1, 7, 100} {
			const n = 300
			x, v := make([]float64, n), make([]float64, n)
			c.fill(r, x)
			want, size := newBig(), 0.0
			ref := newReference(x, 1)
			for i := range v {
				v[i] = spread(r, 1)
				want.Add(want, newBig().Mul(ref.p[i], bigOf(v[i])))
				p, _ := ref.p[i].Float64()
				size += p * math.Abs(v[i])
			}
			run := func(from, to int) (out float64, sums []f64.Accumulator) {
				sums, e, factor := make([]f64.Accumulator, 1), make([]float64, block), make([]float64, 1)
				for at := from; at < to; at += block {
					end := min(at+block, to)
					f64.ExpRows(native.Row(e[:end-at]), native.Row(x[at:end]), sums, factor, nil)
					out *= factor[0]
					for i, e := range e[:end-at] {
						out += e * v[at+i]
					}
				}
				return out, sums
			}
			out, sums := run(0, n)
			one := []float64{out}
			f64.DivideRows(native.Row(one), native.Row(one), sums, nil)
			a, as := run(0, 100)
			b, bs := run(100, n)
			all := as[0]
			all.Merge(&bs[0])
			merged := (all.Factor(&as[0])*a + all.Factor(&bs[0])*b) * all.Reciprocal()
			bound := 400 * 0x1p-53 * size // of n additions
			if strings.Contains(c.name, "far") || c.name == "any size" {
				bound *= 3 // for each change of the reference
			}
			if e := off(one[0], want); e > bound+0x1p-1000 {
				t.Errorf("%s in blocks of %d: %v is off by %v, more than %v", c.name, block, one[0], e, bound)
			}
			if e := off(merged, want); e > bound+0x1p-1000 {
				t.Errorf("%s in blocks of %d, merged: %v is off by %v, more than %v", c.name, block, merged, e, bound)
			}
		}
	}
}

// TestDivide: results of any size and sign.
func TestDivide(t *testing.T) {
	var a f64.Accumulator
	a.Add([]float64{1, 2, 3})
	x := []float64{1e308, -1e308, 1e-300, -1, 3, 0, math.Copysign(0, -1), inf, negInf, nan, 5e-324, -0x1p-1022, 0x1p-1017}
	y := make([]float64, len(x))
	for _, n := range []int{len(x), 1} { // one by one some go through the kernel
		for i := 0; i < len(x); i += n {
			f64.DivideRows(native.Row(y[i:i+n]), native.Row(x[i:i+n]), []f64.Accumulator{a}, nil)
		}
		for i, v := range x {
			want := v * a.Reciprocal()
			if math.Abs(want) < 0x1p-1022 {
				want = 0
			}
			if !(math.Abs(y[i]-want) <= 0x1p-51*math.Abs(want)) && y[i] != want && !(y[i] != y[i] && want != want) || want == 0 && math.Signbit(y[i]) {
				t.Errorf("%v by the sum is %v, want %v", v, y[i], want)
			}
		}
	}
	var empty, not f64.Accumulator
	not.Add([]float64{nan})
	f64.DivideRows(native.Rows(y[:4], 2), native.Rows(x[:4], 2), []f64.Accumulator{empty, not}, &f64.Options{ZeroRows: true})
	same(t, "special", y[:4], []float64{0, 0, nan, nan})
}

// TestAxis compares with rows that plain code gathers, bit by bit. What lies between elements stays.
func TestAxis(t *testing.T) {
	defer f64.SetLeast(2000)()
	r := rand.New(rand.NewPCG(22, 10))
	layout := func(outer, axis, inner int) (x f64.Tensor) {
		x = f64.Tensor{Outer: outer, Axis: axis, Inner: inner}
		if gap := func() int { return r.IntN(2) * r.IntN(20) }; r.IntN(4) == 0 { // the outer dimension within the axis
			x.OuterStride = inner + gap()
			x.AxisStride = outer*x.OuterStride + gap()
		} else {
			x.AxisStride = inner + gap()
			x.OuterStride = axis*x.AxisStride + gap()
		}
		x.Data = make([]float64, (outer-1)*x.OuterStride+(axis-1)*x.AxisStride+inner)
		for i := range x.Data {
			x.Data[i] = 77
		}
		return x
	}
	for range 200 {
		outer, axis, inner := 1+r.IntN(5), 1+r.IntN(1<<r.IntN(10)), 1+r.IntN(1<<r.IntN(7))
		if r.IntN(8) == 0 { // several blocks
			axis, inner = 500+r.IntN(500), 70+r.IntN(50)
		}
		rows := outer * inner
		src, dst := layout(outer, axis, inner), layout(outer, axis, inner)
		flat := native.Rows(fewElements(r, rows*axis), axis)
		place := func(x f64.Tensor, i, k int) *float64 {
			return &x.Data[i/inner*x.OuterStride+k*x.AxisStride+i%inner]
		}
		for i := range rows {
			for k := range axis {
				*place(src, i, k) = flat.Data[i*axis+k]
			}
		}
		inPlace := src
		inPlace.Data = slices.Clone(src.Data)
		o := randomOptions(r, rows, axis)
		lse, wantLse := make([]float64, rows), make([]float64, rows)
		want := native.Rows(make([]float64, rows*axis), axis)
		f64.LogSumExpAxis(lse, src, o)
		f64.LogSumExpRows(wantLse, flat, o)
		same(t, "log-sum-exp", lse, wantLse)
		f64.LogSoftmaxAxis(inPlace, inPlace, o)
		f64.LogSoftmaxRows(want, flat, o)
		checkAxis(t, inPlace, want.Data, func(i, k int) *float64 { return place(inPlace, i, k) })
		f64.SoftmaxAxis(dst, src, o)
		f64.SoftmaxRows(want, flat, o)
		checkAxis(t, dst, want.Data, func(i, k int) *float64 { return place(dst, i, k) })
	}
	f64.SoftmaxAxis(f64.Tensor{}, f64.Tensor{}, nil)
	lse := []float64{3, 4}
	f64.LogSumExpAxis(lse, f64.Tensor{Outer: 2, Inner: 1}, nil)
	same(t, "log-sum-exp of nothing", lse, []float64{negInf, negInf})
}

func checkAxis(t *testing.T, x f64.Tensor, want []float64, place func(i, k int) *float64) {
	t.Helper()
	for at, w := range want {
		p := place(at/x.Axis, at%x.Axis)
		if math.Float64bits(*p) != math.Float64bits(w) {
			t.Fatalf("%d x %d x %d, row %d, element %d is %v, want %v", x.Outer, x.Axis, x.Inner, at/x.Axis, at%x.Axis, *p, w)
		}
		*p = 77
	}
	for i, v := range x.Data {
		if v != 77 {
			t.Fatalf("%d x %d x %d: place %d between elements has %v", x.Outer, x.Axis, x.Inner, i, v)
		}
	}
}

// TestAxisOffset: the largest offset hides nothing.
func TestAxisOffset(t *testing.T) {
	x, y, want := make([]float64, 20000), make([]float64, 20000), make([]float64, 20000)
	for i := range x {
		x[i] = float64(i % 7)
	}
	shape := []int{2, 10000} // more rows than go through the buffer at once
	f64.SoftmaxAxis(native.Along(want, shape, 0), native.Along(x, shape, 0), nil)
	f64.SoftmaxAxis(native.Along(y, shape, 0), native.Along(x, shape, 0), &f64.Options{Causal: true, Offset: math.MaxInt})
	same(t, "softmax with the largest offset", y, want)
}
