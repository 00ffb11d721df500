package f64_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

func uniform(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = spread(r, 10)
	}
	return x
}

// TestRows: rows with strides are what each is alone, in place or not, with one goroutine and several, and
// nothing between them is touched.
func TestRows(t *testing.T) {
	defer f64.SetLeast(1)()
	for _, shape := range [][3]int{{1, 1, 1}, {3, 7, 9}, {10, 16, 16}, {5, 100, 103}, {2, 4500, 4501}} {
		m, n, stride := shape[0], shape[1], shape[2]
		for _, g := range []int{0, 1, 3} {
			for _, inPlace := range []bool{false, true} {
				x := uniform(uint64(n), m*stride)
				src := native.Matrix[float64]{Rows: m, Cols: n, Data: slices.Clone(x), Stride: stride}
				add := native.Row(uniform(7, n))
				keep := native.Matrix[bool]{Rows: m, Cols: n, Data: make([]bool, m*n), Stride: n}
				for i := range keep.Data {
					keep.Data[i] = i%3 > 0
				}
				dst := native.Matrix[float64]{Rows: m, Cols: n, Data: uniform(8, m*(stride+2)), Stride: stride + 2}
				if inPlace {
					dst = src
				}
				before := slices.Clone(dst.Data)
				lse := make([]float64, m)
				o := &f64.Options{Scale: 0.5, Add: add, Keep: keep, Goroutines: g}
				f64.LogSumExpRows(lse, src, o)
				f64.SoftmaxRows(dst, src, o)
				for i := range m {
					row := make([]float64, n)
					for k := range row {
						row[k] = math.FMA(x[i*stride+k], 0.5, add.Data[k])
						if !keep.Data[i*n+k] {
							row[k] = negInf
						}
					}
					if y := f64.LogSumExp(row); y != lse[i] && y == y {
						t.Errorf("%v: log-sum-exp of row %d is %v, want %v", shape, i, lse[i], y)
					}
					f64.Softmax(row, row)
					same(t, fmt.Sprint(shape, g, inPlace), dst.Data[i*dst.Stride:][:n], row)
					same(t, "gap", dst.Data[i*dst.Stride+n:min((i+1)*dst.Stride, len(dst.Data))], before[i*dst.Stride+n:min((i+1)*dst.Stride, len(dst.Data))])
				}
			}
		}
	}
}

// TestPanics: what does not fit panics, and says so.
func TestPanics(t *testing.T) {
	x := make([]float64, 20)
	m := native.Rows(x, 5)
	y := native.Rows(make([]float64, 20), 5)
	var none *f64.Accumulator
	half := f64.NewAccumulator(0.5)
	with := half
	with.Add([]float64{1})
	y1 := native.Along(y.Data, []int{4, 5}, 0)
	for _, c := range []struct {
		want string
		call func()
	}{
		{"len(dst) is 3, len(src) is 4", func() { f64.Softmax(x[:3], x[:4]) }},
		{"overlaps src", func() { f64.Softmax(x[:4], x[1:5]) }},
		{"overlaps src", func() { f64.LogSoftmax(x[1:5], x[:4]) }},
		{"overlaps y", func() { f64.SoftmaxGrad(x[1:5], x[:4], y.Data[:4]) }},
		{"overlaps dy", func() { f64.LogSoftmaxGrad(x[1:5], y.Data[:4], x[:4]) }},
		{"dst is 2 x 10, src is 4 x 5", func() { f64.SoftmaxRows(native.Rows(x, 10), y, nil) }},
		{"the stride of src is 4", func() { f64.SoftmaxRows(y, f64.Matrix{Rows: 2, Cols: 5, Data: x, Stride: 4}, nil) }},
		{"dst has 20 elements, too few", func() { f64.SoftmaxRows(f64.Matrix{Rows: 5, Cols: 5, Data: x, Stride: 5}, y, nil) }},
		{"neither may be negative", func() { f64.SoftmaxRows(f64.Matrix{Rows: -1}, y, nil) }},
		{"overlaps Options.Add", func() { f64.SoftmaxRows(m, y, &f64.Options{Add: native.Row(x[:5])}) }},
		{"Options.Add is 1 x 4", func() { f64.SoftmaxRows(m, y, &f64.Options{Add: native.Row(make([]float64, 4))}) }},
		{"Options.Keep is 2 x 5", func() { f64.SoftmaxRows(m, y, &f64.Options{Keep: native.Rows(make([]bool, 10), 5)}) }},
		{"-1 goroutines", func() { f64.LogSoftmaxRows(m, y, &f64.Options{Goroutines: -1}) }},
		{"-1 goroutines", func() { f64.SoftmaxGradRows(m, y, y, &f64.Options{Goroutines: -1}) }},
		{"len(dst) is 3, it must be the number of rows, 4", func() { f64.LogSumExpRows(make([]float64, 3), m, nil) }},
		{"overlaps src", func() { f64.LogSumExpRows(x[:4], m, nil) }},
		{"an accumulator's scale is 0", func() { f64.NewAccumulator(0) }},
		{"the accumulator is nil", func() { new(f64.Accumulator).Merge(none) }},
		{"overlaps Options.Scales of 4", func() { f64.SoftmaxRows(m, y, &f64.Options{Scales: x[:4]}) }},
		{"overlaps Options.Scales of 4", func() { f64.SoftmaxGradRows(m, y, y, &f64.Options{Scales: x[:4]}) }},
		{"Options.Scales has 3 elements, it must have one for each of 4 rows", func() { f64.LogSumExpRows(make([]float64, 4), m, &f64.Options{Scales: x[:3]}) }},
		{"Options.Scale is 2 beside 4 Options.Scales, it must be 0", func() { f64.SoftmaxRows(y, m, &f64.Options{Scale: 2, Scales: x[:4]}) }},
		{"len(dst) is 4, len(index) is 3, both must be the number of rows, 4", func() { f64.LogProbs(make([]float64, 4), m, make([]int, 3), nil) }},
		{"index[1] is 5, it must be from 0 to before the number of columns, 5", func() { f64.LogProbs(make([]float64, 4), m, []int{0, 5, 0, 0}, nil) }},
		{"index[0] is -1", func() { f64.LogProbs(make([]float64, 4), m, []int{-1, 0, 0, 0}, nil) }},
		{"overlaps src", func() { f64.LogProbs(x[:4], m, make([]int, 4), nil) }},
		{"f64.TopK: probs is 4 x 2, index is 4 x 1, both must be 4 x k for a k of at most 5", func() { f64.TopK(native.Rows(make([]float64, 8), 2), native.Rows(make([]int, 4), 1), m, nil) }},
		{"probs is 4 x 6", func() { f64.TopK(native.Rows(make([]float64, 24), 6), native.Rows(make([]int, 24), 6), m, nil) }},
		{"must overlap neither each other nor src", func() { f64.TopK(native.Rows(x[:8], 2), native.Rows(make([]int, 8), 2), m, nil) }},
		{"must not overlap options", func() {
			index := native.Rows(make([]int, 4), 1)
			f64.TopK(native.Rows(make([]float64, 4), 1), index, m, &f64.Options{Scales: unsafe.Slice((*float64)(unsafe.Pointer(&index.Data[0])), 4)})
		}},
		{"len(sums) is 3, len(factors) is 4", func() { f64.ExpRows(y, m, make([]f64.Accumulator, 3), make([]float64, 4), nil) }},
		{"factors of 4 elements overlap", func() { f64.ExpRows(y, m, make([]f64.Accumulator, 4), x[:4], nil) }},
		{"factors of 4 elements overlap", func() {
			factors := make([]float64, 4)
			f64.ExpRows(y, m, make([]f64.Accumulator, 4), factors, &f64.Options{Keep: native.Row(unsafe.Slice((*bool)(unsafe.Pointer(&factors[3])), 5))})
		}},
		{"sums[1] has scale 0.5, the row's is 1", func() { f64.ExpRows(y, m, []f64.Accumulator{{}, with, {}, {}}, make([]float64, 4), nil) }},
		{"len(sums) is 2, it must be the number of rows, 4", func() { f64.DivideRows(y, y, make([]f64.Accumulator, 2), nil) }},
		{"-1 goroutines", func() { f64.DivideRows(y, y, make([]f64.Accumulator, 4), &f64.Options{Goroutines: -1}) }},
		{"dst is 1 x 20 x 1, src is 1 x 4 x 5", func() { f64.SoftmaxAxis(native.Along(y.Data, []int{20}, 0), native.Along(x, []int{4, 5}, 0), nil) }},
		{"overlaps src", func() {
			f64.LogSoftmaxAxis(native.Along(x[:10], []int{10}, 0), native.Along(x[1:11], []int{10}, 0), nil)
		}},
		{"len(dst) is 4, it must be Outer*Inner, 5", func() { f64.LogSumExpAxis(y.Data[:4], native.Along(x, []int{4, 5}, 0), nil) }},
		{"would share places", func() { f64.SoftmaxAxis(y1, f64.Tensor{Outer: 1, Axis: 4, Inner: 5, Data: x, AxisStride: 4}, nil) }},
		{"scale 1 can't be merged with scale 0.5", func() { new(f64.Accumulator).Merge(&half) }},
	} {
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), c.want) {
					t.Errorf("panics with %v, want %q", r, c.want)
				}
			}()
			c.call()
		}()
	}
}

// TestScales: scales that multiply otherwise.
func TestScales(t *testing.T) {
	x := []float64{1e300, -1e300, 3}
	y := make([]float64, 3)
	for _, c := range []struct {
		scale float64
		want  []float64
	}{
		{0x1p-1070, []float64{0.3333333333333333, 0.3333333333333333, 0.3333333333333333}},
		{1e10, []float64{1, 0, 0}},
		{-1e10, []float64{0, 1, 0}},
		{math.MaxFloat64, []float64{0.5, 0, 0.5}},
		{inf, []float64{nan, nan, nan}},
		{nan, []float64{nan, nan, nan}},
	} {
		f64.SoftmaxRows(native.Row(y), native.Row(x), &f64.Options{Scale: c.scale})
		for i, w := range c.want {
			if !(math.Abs(y[i]-w) < 1e-15 || y[i] != y[i] && w != w) {
				t.Errorf("scale %v: %v, want %v", c.scale, y, c.want)
				break
			}
		}
	}
}

// TestAccumulator: pieces give what the whole row gives, within the bounds.
func TestAccumulator(t *testing.T) {
	for k, c := range classes {
		x := make([]float64, 1000)
		c.fill(rand.New(rand.NewPCG(5, uint64(k))), x)
		want := newReference(x, 1)
		a, b := f64.NewAccumulator(1), f64.NewAccumulator(1)
		a.Add(x[:10])
		a.Add(x[10:400])
		b.Add(x[400:401])
		b.Add(x[401:])
		a.Merge(&b)
		y, z := make([]float64, 1000), make([]float64, 1000)
		a.Softmax(y[:300], x[:300])
		a.Softmax(y[300:], x[300:])
		a.LogSoftmax(z, x)
		far := 1.0 // a merge of sums that are far from 0 has its own error
		if strings.Contains(c.name, "far") {
			far = 3
		}
		if e := want.softmaxError(t, y); e > softmaxBound*far {
			t.Errorf("%s: softmax is off by %v", c.name, e)
		}
		if e := want.logSoftmaxError(t, z); e > far {
			t.Errorf("%s: log-softmax is off by %v of the bound", c.name, e)
		}
		if e := want.logSumExpError(a.LogSumExp()); e > far {
			t.Errorf("%s: log-sum-exp is off by %v of the bound", c.name, e)
		}
	}
}

// TestGrad holds gradients to their bounds, by math.FMA and sums in math/big.
func TestGrad(t *testing.T) {
	for _, n := range []int{1, 5, 100, 5000} {
		x, dy := uniform(3, n), uniform(4, n)
		p, y := make([]float64, n), make([]float64, n)
		f64.Softmax(p, x)
		f64.LogSoftmax(y, x)
		g, h := make([]float64, n), make([]float64, n)
		f64.SoftmaxGradRows(native.Row(g), native.Row(p), native.Row(dy), &f64.Options{Scale: 2})
		f64.LogSoftmaxGradRows(native.Row(h), native.Row(y), native.Row(dy), &f64.Options{Scale: 2})
		dot, total, largest := newBig(), newBig(), 0.0
		for i := range x {
			dot.Add(dot, newBig().Mul(bigOf(p[i]), bigOf(dy[i])))
			total.Add(total, bigOf(dy[i]))
			largest = max(largest, math.Abs(dy[i]))
		}
		size, _ := total.Float64()
		size = math.Abs(size)
		for i := range x {
			want := newBig().Sub(bigOf(dy[i]), dot)
			want.Mul(want, bigOf(p[i])).Mul(want, bigOf(2))
			if e := off(g[i], want); e > 2*0x1p-50*p[i]*largest {
				t.Errorf("n = %d: gradient %d of softmax is %v, want %v", n, i, g[i], want)
			}
			e := bigExp(bigOf(y[i]))
			ey, _ := e.Float64()
			want = newBig().Sub(bigOf(dy[i]), e.Mul(e, total))
			want.Mul(want, bigOf(2))
			if e := off(h[i], want); e > 2*(0x1p-53*math.Abs(dy[i])+0x1p-50*ey*size) {
				t.Errorf("n = %d: gradient %d of log-softmax is %v, want %v", n, i, h[i], want)
			}
		}
	}
	y, dy, dst := []float64{0.5, 0.5}, []float64{1, nan}, make([]float64, 2)
	f64.SoftmaxGrad(dst, y, dy)
	same(t, "softmax", dst, []float64{nan, nan})
	f64.LogSoftmaxGrad(dst, y, dy)
	same(t, "log-softmax", dst, []float64{nan, nan})
}

// TestWorkerFault provokes a fault in goroutines: it reaches the caller, and calls after it are right.
func TestWorkerFault(t *testing.T) {
	defer f64.SetLeast(1)()
	const n = 1000
	src := native.Rows(uniform(1, 100*n), n)
	short := f64.Matrix{Rows: 100, Cols: n, Data: make([]float64, 57*n), Stride: n}
	for range 20 {
		func() {
			defer func() {
				if err, ok := recover().(runtime.Error); !ok || !strings.Contains(err.Error(), "out of range") {
					t.Errorf("panics with %v", err)
				}
			}()
			f64.FaultyRows(short, src, 3)
		}()
	}
	got, want := native.Rows(make([]float64, 100*n), n), make([]float64, n)
	f64.SoftmaxRows(got, src, &f64.Options{Scale: 2, Goroutines: 3})
	for i := range 100 {
		f64.SoftmaxRows(native.Row(want), native.Row(src.Data[i*n:][:n]), &f64.Options{Scale: 2})
		same(t, fmt.Sprint("row ", i), got.Data[i*n:][:n], want)
	}
}

// TestGuard gives functions operands that end, or begin, where a page does that can't be touched.
func TestGuard(t *testing.T) {
	const longest = 600
	srcPage, dstPage, addPage := guarded.Pages[float64](t, longest), guarded.Pages[float64](t, longest), guarded.Pages[float64](t, longest)
	index, keep := make([]int, 7), make([]bool, longest)
	for i := range keep {
		keep[i] = i%3 > 0
	}
	eachLevel(t, func(t *testing.T) {
		for _, atEnd := range []bool{false, true} {
			for n := 1; n <= longest; n += 1 + n/60 {
				part := func(page []float64, n int) []float64 {
					if atEnd {
						return page[len(page)-n:]
					}
					return page[:n:n]
				}
				src, dst, add := part(srcPage, n), part(dstPage, n), part(addPage, n)
				classes[n%len(classes)].fill(rand.New(rand.NewPCG(uint64(n), 1)), src)
				for _, o := range []*f64.Options{nil, {Scale: -0.5, Add: native.Row(add), Keep: native.Row(keep[:n])}, {Causal: true, Offset: n / 2}} {
					f64.SoftmaxRows(native.Row(dst), native.Row(src), o)
					f64.LogSoftmaxRows(native.Row(dst), native.Row(src), o)
					f64.LogSoftmaxGradRows(native.Row(dst), native.Row(dst), native.Row(src), nil)
					f64.SoftmaxGradRows(native.Row(dst), native.Row(dst), native.Row(src), nil)
					f64.SoftmaxAxis(native.Along(dst, []int{n, 1}, 0), native.Along(src, []int{n, 1}, 0), o)
					f64.LogSumExpRows(part(dstPage, 1), native.Row(src), o)
					f64.LogProbs(part(dstPage, 1), native.Row(src), []int{n - 1}, o)
					k := min(n, 7)
					f64.TopK(native.Row(part(dstPage, k)), native.Row(index[:k]), native.Row(src), o)
					sums, factors := make([]f64.Accumulator, 1), make([]float64, 1)
					f64.ExpRows(native.Row(dst), native.Row(src), sums, factors, o)
					f64.DivideRows(native.Row(dst), native.Row(dst), sums, nil)
				}
			}
		}
	})
}

// TestAllocations: no function allocates, nor makes its caller's arrays escape, but for goroutines.
func TestAllocations(t *testing.T) {
	if race {
		t.Skip("under the race detector pools of buffers allocate")
	}
	x := uniform(1, 3*5000)
	m, y := native.Rows(x, 5000), native.Rows(make([]float64, 3*5000), 5000)
	o := &f64.Options{Scales: []float64{0.5, -2, 3}, Add: native.Row(make([]float64, 5000)), Causal: true, Offset: 2000}
	lse, index := make([]float64, 3), native.Rows(make([]int, 30), 10)
	sums := make([]f64.Accumulator, 3)
	const n = 777
	for name, f := range map[string]func(){
		"Softmax of arrays":    func() { var x, y [n]float64; f64.Softmax(y[:], x[:]) },
		"LogSoftmax of arrays": func() { var x, y [n]float64; f64.LogSoftmax(y[:], x[:]) },
		"LogSumExp of arrays":  func() { var x [n]float64; f64.LogSumExp(x[:]) },
		"gradients of arrays": func() {
			var x, y, z [n]float64
			f64.SoftmaxGrad(z[:], y[:], x[:])
			f64.LogSoftmaxGrad(z[:], y[:], x[:])
		},
		"an accumulator of arrays": func() {
			var x, y [n]float64
			var a f64.Accumulator
			a.Add(x[:])
			a.Softmax(y[:], x[:])
			a.LogSoftmax(y[:], x[:])
			a.LogSumExp()
		},
		"SoftmaxRows":    func() { f64.SoftmaxRows(y, m, o); f64.SoftmaxRows(y, m, nil) },
		"LogSoftmaxRows": func() { f64.LogSoftmaxRows(y, m, o) },
		"LogSumExpRows":  func() { f64.LogSumExpRows(lse, m, o) },
		"LogProbs":       func() { f64.LogProbs(lse, m, index.Data[:3], o) },
		"TopK":           func() { f64.TopK(native.Rows(y.Data[:30], 10), index, m, o) },
		"ExpRows":        func() { clear(sums); f64.ExpRows(y, m, sums, lse, o); f64.DivideRows(y, y, sums, nil) },
		"SoftmaxAxis": func() {
			f64.SoftmaxAxis(native.Along(y.Data, []int{5000, 3}, 0), native.Along(x, []int{5000, 3}, 0), nil)
		},
		"Grad": func() { f64.SoftmaxGradRows(y, m, m, nil); f64.LogSoftmaxGradRows(y, m, m, nil) },
	} {
		clear(index.Data)
		f() // what a pool has to get first
		if n := testing.AllocsPerRun(20, f); n >= 1 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// FuzzSoftmax holds any row to the reference.
func FuzzSoftmax(f *testing.F) {
	f.Add(1.0, 2.0, -3.0, uint16(40))
	f.Add(1e300, -1e300, 0.0, uint16(5000))
	f.Add(-708.0, 0.0, -709.0, uint16(17))
	f.Fuzz(func(t *testing.T, a, b, c float64, n uint16) {
		x := make([]float64, 3+n%5000)
		for i := range x {
			x[i] = negInf
		}
		x[0], x[len(x)/2], x[len(x)-1] = a, b, c
		for _, v := range []float64{a, b, c} {
			if v-v != 0 {
				return
			}
		}
		y := make([]float64, len(x))
		f64.Softmax(y, x)
		want := newReference([]float64{a, b, c}, 1)
		if e := want.softmaxError(t, []float64{y[0], y[len(x)/2], y[len(x)-1]}); e > softmaxBound {
			t.Errorf("off by %v", e)
		}
		if e := want.logSumExpError(f64.LogSumExp(x)); e > 1 {
			t.Errorf("log-sum-exp is off by %v of its bound", e)
		}
	})
}
