package native_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestTopK compares with the first elements of a sorted row, and their probabilities with those of
// SoftmaxRows, bit by bit, for random options.
func TestTopK(t *testing.T) {
	calls := 3000
	if testing.Short() {
		calls = 100
	}
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 6))
		for range calls {
			rows, cols := randomShape(r, 13)
			stride := cols + r.IntN(9)
			o := randomOptions(r, rows, cols, 0.37, 2.5, -1, -3, 1e-38)
			x := fewElements(r, rows*stride)
			switch r.IntN(4) {
			case 0: // ties
				for i := range x {
					if x[i] = float32(math.RoundToEven(float64(x[i]))); x[i] == 0 && i%2 == 0 {
						x[i] = float32(math.Copysign(0, -1))
					}
				}
			case 1: // the first chunk of a long row is low
				for i := range min(len(x), native.ChunkLen) {
					x[i] = negInf32
				}
			case 2:
				slices.Sort(x)
			}
			src := native.Matrix[float32]{Rows: rows, Cols: cols, Data: x, Stride: stride}
			k := r.IntN(min(cols, 1<<r.IntN(10)) + 1)
			switch r.IntN(3) {
			case 0:
				compareTopK(t, k, src, o)
			case 1:
				compareTopK(t, k, converted(src, native.ToFloat16), o)
			case 2:
				compareTopK(t, k, converted(src, native.ToBFloat16), o)
			}
			if t.Failed() {
				return
			}
		}
	}
}

// TestTopKOrders has rows so long that they are looked through in pieces, with more candidates than there
// is room for at a time.
func TestTopKOrders(t *testing.T) {
	n := 1<<18 + 1000
	if testing.Short() {
		n = 20000
	}
	x := make([]float32, n)
	for name, f := range map[string]func(i int) float32{
		"rising": func(i int) float32 { return float32(i) / 30000 },
		"equal":  func(int) float32 { return -2 },
		"stairs": func(i int) float32 { return float32(i/700) / 50 },
		"few":    func(i int) float32 { return float32(i * 7 % 5) },
	} {
		for i := range x {
			x[i] = f(i)
		}
		for _, arith.Best = range levels() {
			for _, k := range []int{3, 1500} {
				compareTopK(t, k, native.Row(x), &native.Options{})
				compareTopK(t, k, converted(native.Row(x), native.ToBFloat16), &native.Options{})
				if t.Failed() {
					t.Fatalf("%s elements", name)
				}
			}
		}
	}
}

// TestTopKHiddenChunks has a row whose fifth chunk, with which kernels look at a new piece, has no sum: all of
// it is -Inf.
func TestTopKHiddenChunks(t *testing.T) {
	x := make([]float32, 6*native.ChunkLen)
	for i := range x {
		x[i] = float32(i*i%1009) - float32(i)/1e5
		if i/native.ChunkLen == 4 {
			x[i] = negInf32
		}
	}
	for _, arith.Best = range levels() {
		compareTopK(t, 5, native.Row(x), &native.Options{})
	}
}

// TestTopKMemory: working memory stays in a pool, so it does not grow beyond a few bytes for each element.
func TestTopKMemory(t *testing.T) {
	const n = 1 << 20
	for _, k := range []int{1, 100, n / 8, n} {
		if got, most := native.TopMemory(k, n), 10*n; got > most {
			t.Errorf("%d of %d elements take %d bytes, want %d at most", k, n, got, most)
		}
	}
}

func compareTopK[S native.Element](t *testing.T, k int, src native.Matrix[S], o *native.Options) {
	t.Helper()
	soft := native.Rows(make([]float32, src.Rows*src.Cols), src.Cols)
	native.SoftmaxRows(soft, src, o)
	probs := native.Matrix[float32]{Rows: src.Rows, Cols: k, Data: make([]float32, src.Rows*(k+3)), Stride: k + 3}
	index := native.Matrix[int]{Rows: src.Rows, Cols: k, Data: make([]int, src.Rows*(k+1)), Stride: k + 1}
	native.TopK(probs, index, src, o)
	for i := range src.Rows {
		softmax := soft.Data[i*soft.Stride:][:src.Cols]
		x := topElements(src, i, o)
		// Those that are sorted: as many as there are above the least that was found, or all.
		least := math.Inf(1)
		for _, c := range index.Data[i*index.Stride:][:k] {
			least = min(least, x[c])
		}
		all, order := make([]int, src.Cols), make([]int, 0, k)
		special := false
		for c := range all {
			all[c] = c
			if x[c] >= least {
				order = append(order, c)
			}
			special = special || softmax[c] != softmax[c]
		}
		if special || len(order) < k {
			order = all
		}
		if !special {
			slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[b], x[a]), a-b) })
		}
		for m := range k {
			got, p := index.Data[i*index.Stride+m], probs.Data[i*probs.Stride+m]
			if want := order[m]; got != want || math.Float32bits(p) != math.Float32bits(softmax[want]) {
				t.Errorf("level %v: %T, %d x %d, row %d, place %d of %d: column %d with %v, want %d with %v; scale %v, causal %v %d, zeros %v",
					arith.Best, src.Data, src.Rows, src.Cols, i, m, k, got, p, want, softmax[want], o.Scale, o.Causal, o.Offset, o.ZeroRows)
				return
			}
		}
	}
}

// topElements are those of row i in order: after what is added and masks, and with the sign of the
// scale.
func topElements[S native.Element](src native.Matrix[S], i int, o *native.Options) []float64 {
	x := make([]float64, src.Cols)
	for c := range x {
		v := src.Data[i*src.Stride+c]
		var e float32
		switch v := any(v).(type) {
		case float32:
			e = v
		case native.Float16:
			e = v.Float32()
		case native.BFloat16:
			e = v.Float32()
		}
		switch {
		case o.Add.Data != nil:
			x[c] = element(e, o.Scale, o.Add.Data[i%o.Add.Rows*src.Cols:], c)
		case o.Scale < 0:
			x[c] = -float64(e)
		default:
			x[c] = float64(e)
		}
		if o.Keep.Data != nil && !o.Keep.Data[i%o.Keep.Rows*src.Cols+c] || o.Causal && c > i+o.Offset {
			x[c] = math.Inf(-1)
		}
	}
	return x
}

// TestTopKEqual has so many equal elements that there is no room for all as candidates, the largest ones
// or others among them.
func TestTopKEqual(t *testing.T) {
	const cols = 20000
	for _, arith.Best = range levels() {
		for _, larger := range []int{0, 1, 40} {
			row := native.Row(slices.Repeat([]float32{1}, cols))
			for i := range larger {
				row.Data[cols-1-300*i] = float32(2 + i%3)
			}
			for _, k := range []int{1, 7, 60, 1000} {
				compareTopK(t, k, row, &native.Options{})
			}
		}
	}
}

// TestTopKLong has a row of more elements than TopK looks at at once; the largest may be anywhere.
func TestTopKLong(t *testing.T) {
	const cols, k = 1<<19 + 12345, 50
	x := inputs.Uniform10.Row(1, cols)
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(14, 3))
		row := slices.Clone(x)
		want := make([]int, k)
		for i := range want {
			if want[i] = r.IntN(cols); i == k-1 {
				want[i] = cols - 1
			}
			row[want[i]] = float32(100 - i)
		}
		all := make([]float32, cols)
		native.SoftmaxRows(native.Row(all), native.Row(row), nil)
		for _, o := range []*native.Options{nil, {Goroutines: 2}} {
			probs, index := native.Row(make([]float32, k)), native.Row(make([]int, k))
			native.TopK(probs, index, native.Row(row), o)
			for i, at := range want {
				if index.Data[i] != at || probs.Data[i] != all[at] {
					t.Fatalf("level %v: place %d has column %d with %v, want %d with %v", arith.Best, i, index.Data[i], probs.Data[i], at, all[at])
				}
			}
		}
	}
}

// TestTopKGuard has rows and results that end where a page does that can't be touched.
func TestTopKGuard(t *testing.T) {
	src := guarded.Pages[float32](t, 1200)
	dst := guarded.Pages[float32](t, 7)
	for i := range src {
		src[i] = float32(i % 97)
	}
	index := make([]int, 7)
	for _, arith.Best = range levels() {
		for n := 1; n <= 1200; n += 1 + n/100 {
			k := min(n, 7)
			row := native.Row(src[len(src)-n:])
			native.TopK(native.Row(dst[len(dst)-k:]), native.Row(index[:k]), row, nil)
			native.TopK(native.Row(dst[len(dst)-k:]), native.Row(index[:k]), row, &native.Options{Scale: -1, Keep: native.Row(make([]bool, n))})
		}
	}
}

func TestTopKPanics(t *testing.T) {
	x := make([]float32, 12)
	src := native.Rows(x, 4)
	probs := func(cols int) native.Matrix[float32] { return native.Rows(make([]float32, 3*cols), cols) }
	index := func(cols int) native.Matrix[int] { return native.Rows(make([]int, 3*cols), cols) }
	const shape = "both must be 3 x k for a k of at most 4"
	wantPanic(t, shape, func() { native.TopK(probs(2), index(3), src, nil) })
	wantPanic(t, "native.TopK: probs is 3 x 5, index is 3 x 5, "+shape, func() { native.TopK(probs(5), index(5), src, nil) })
	wantPanic(t, shape, func() { native.TopK(native.Row(make([]float32, 2)), index(2), src, nil) })
	wantPanic(t, shape, func() { native.TopK(probs(2), native.Row(make([]int, 2)), src, nil) })
	const apart = "native.TopK: probs of 3 elements and index of 3 must overlap neither each other nor src nor options"
	wantPanic(t, apart, func() { native.TopK(native.Rows(x[9:], 1), index(1), src, nil) })
	keep := make([]bool, 64)
	wantPanic(t, "dst overlaps Options.Scales of 3 elements", func() {
		p := probs(1)
		native.TopK(p, index(1), src, &native.Options{Scales: p.Data})
	})
	options := make([]float64, 6) // memory for options and results
	floats, bools := unsafe.Slice((*float32)(unsafe.Pointer(&options[0])), 12), unsafe.Slice((*bool)(unsafe.Pointer(&options[0])), 12)
	ints := unsafe.Slice((*int)(unsafe.Pointer(&options[0])), 3)
	for _, o := range []native.Options{{Scales: floats[:3]}, {Add: native.Rows(floats, 4)}, {Keep: native.Rows(bools, 4)}} {
		wantPanic(t, apart, func() { native.TopK(probs(1), native.Rows(ints, 1), src, &o) })
	}
	wantPanic(t, apart, func() {
		native.TopK(native.Rows(floats[:3], 1), index(1), src, &native.Options{Keep: native.Rows(bools, 4)})
	})
	if most := uint64(math.MaxUint32); uint64(int(most)) == most && int(most) > 0 {
		native.TopK(native.Matrix[float32]{}, native.Matrix[int]{}, native.Matrix[float32]{Cols: int(most)}, nil)
		wantPanic(t, "which must be below 2^32", func() {
			native.TopK(native.Matrix[float32]{}, native.Matrix[int]{}, native.Matrix[float32]{Cols: int(most + 1)}, nil)
		})
	}
	wantPanic(t, "Options.Keep is 1 x 64", func() { native.TopK(probs(1), index(1), src, &native.Options{Keep: native.Row(keep)}) })
	native.TopK(native.Matrix[float32]{Rows: 3}, native.Matrix[int]{Rows: 3}, src, nil) // of no columns, nothing to do
	native.TopK(native.Matrix[float32]{}, native.Matrix[int]{}, native.Matrix[float32]{}, nil)
}

func TestTopKAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	runtime.GC()
	runtime.GC() // pools lose buffers that are larger
	rows, half := native.Rows(make([]float32, 300), 100), native.Rows(make([]native.Float16, 300), 100)
	probs, index := native.Rows(make([]float32, 30), 10), native.Rows(make([]int, 30), 10)
	for _, arith.Best = range levels() {
		f := func() {
			native.TopK(probs, index, rows, nil)
			native.TopK(probs, index, rows, &native.Options{Causal: true, Offset: 5, Scale: -1})
			native.TopK(probs, index, half, nil)
		}
		f() // what a pool has to get first
		if n := testing.AllocsPerRun(10, f); n > 0 {
			t.Errorf("level %v: %v allocations", arith.Best, n)
		}
	}
}

// BenchmarkTopK has the log-sum-exp of the same rows next to it.
func BenchmarkTopK(b *testing.B) {
	for _, shape := range [][2]int{{20, 200}, {4, 1000}, {1, 32000}, {1, 128256}} {
		rows, cols := shape[0], shape[1]
		src := native.Rows(inputs.Normal.Row(1, rows*cols), cols)
		half := native.Rows(make([]native.BFloat16, rows*cols), cols)
		for i, x := range src.Data {
			half.Data[i] = native.ToBFloat16(x)
		}
		dst := make([]float32, rows)
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%dx%d", name, rows, cols), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				perElement(b, rows*cols)
			})
		}
		run("LogSumExpRows", func() { native.LogSumExpRows(dst, src, nil) })
		for _, k := range []int{1, 10, 50, 100} {
			probs, index := native.Rows(make([]float32, rows*k), k), native.Rows(make([]int, rows*k), k)
			run(fmt.Sprint("TopK", k), func() { native.TopK(probs, index, src, nil) })
			if k == 50 {
				run("TopK50BFloat16", func() { native.TopK(probs, index, half, nil) })
			}
		}
	}
}

// The two most probable classes of each row.
func ExampleTopK() {
	logits := native.Rows([]float32{
		2, 1, 0,
		0, 1, 3,
	}, 3)
	probs, classes := native.Rows(make([]float32, 4), 2), native.Rows(make([]int, 4), 2)
	native.TopK(probs, classes, logits, nil)
	fmt.Printf("%d\n%.4f\n", classes.Data, probs.Data)
	// Output:
	// [0 1 2 1]
	// [0.6652 0.2447 0.8438 0.1142]
}
