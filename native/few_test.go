package native_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TestLogProbs compares elements with those of LogSoftmaxRows, bit by bit, for random options.
func TestLogProbs(t *testing.T) {
	calls := 3000
	if testing.Short() {
		calls = 300
	}
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 5))
		for range calls {
			rows, cols := randomShape(r, 11)
			stride := cols + r.IntN(9)
			o := randomOptions(r, rows, cols, 0.37, 2.5, -1, -3, 1e-38, 0x1p125, float32(math.Inf(1)), float32(math.NaN()))
			src := native.Matrix[float32]{Rows: rows, Cols: cols, Data: fewElements(r, rows*stride), Stride: stride}
			switch r.IntN(3) {
			case 0:
				compareLogProbs(t, r, src, o)
			case 1:
				compareLogProbs(t, r, converted(src, native.ToFloat16), o)
			case 2:
				compareLogProbs(t, r, converted(src, native.ToBFloat16), o)
			}
			if t.Failed() {
				return
			}
		}
	}
}

// randomShape is one of a few rows of up to 2^most columns or, rarely, of one or two chunks: more rarely in plain Go, which
// takes longest for those.
func randomShape(r *rand.Rand, most int) (rows, cols int) {
	rare := 50
	if testing.Short() && arith.Best == arith.Plain {
		rare = 200
	}
	if r.IntN(rare) == 0 {
		return 1 + r.IntN(2), native.ChunkLen - 1 + r.IntN(2*native.ChunkLen)
	}
	return 1 + r.IntN(6), 1 + r.IntN(1<<r.IntN(most))
}

// randomOptions are any options for a matrix. Half of them have one of the scales; masks have one row
// or all.
func randomOptions(r *rand.Rand, rows, cols int, scales ...float32) *native.Options {
	o := &native.Options{ZeroRows: r.IntN(2) == 0, Goroutines: r.IntN(4), Algorithm: native.Algorithm(r.IntN(3)), Streaming: r.IntN(4) == 0}
	if r.IntN(2) == 0 {
		o.Scale = scales[r.IntN(len(scales))]
	}
	if o.Causal = r.IntN(3) == 0; o.Causal {
		o.Offset = r.IntN(cols+rows) - rows
	}
	maskRows := []int{1, rows}[r.IntN(2)]
	if r.IntN(3) == 0 {
		o.Add = native.Rows(fewElements(r, maskRows*cols), cols)
	}
	if r.IntN(3) == 0 {
		keep := make([]bool, maskRows*cols)
		rare := []int{1, 1 << r.IntN(10)}[r.IntN(2)]
		for i := range keep {
			keep[i] = r.IntN(rare) == 0 && r.IntN(3) > 0
		}
		o.Keep = native.Rows(keep, cols)
	}
	return o
}

// fewElements are elements of all sizes, some of them special, but in most rows none.
func fewElements(r *rand.Rand, n int) []float32 {
	size := []float64{1, 5, 100, 1e5, 1e6, 1e37, 1e38}[r.IntN(7)]
	special := []float32{negInf32, negInf32, float32(math.Inf(1)), float32(math.NaN()), -3e38, 3e38}[r.IntN(6)]
	rare := []int{1, 2, 10, n, 0, 0, 0}[r.IntN(7)]
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64() * size); rare > 0 && r.IntN(rare) == 0 {
			x[i] = special
		}
	}
	return x
}

var negInf32 = float32(math.Inf(-1))

func converted[T native.Element](m native.Matrix[float32], to func(float32) T) native.Matrix[T] {
	x := make([]T, len(m.Data))
	for i, v := range m.Data {
		x[i] = to(v)
	}
	return native.Matrix[T]{Rows: m.Rows, Cols: m.Cols, Data: x, Stride: m.Stride}
}

func compareLogProbs[S native.Element](t *testing.T, r *rand.Rand, src native.Matrix[S], o *native.Options) {
	t.Helper()
	all := native.Rows(make([]float32, src.Rows*src.Cols), src.Cols)
	native.LogSoftmaxRows(all, src, o)
	dst, index := make([]float32, src.Rows), make([]int, src.Rows)
	for range 3 {
		for i := range index {
			index[i] = r.IntN(src.Cols)
		}
		native.LogProbs(dst, src, index, o)
		for i, k := range index {
			if want := all.Data[i*src.Cols+k]; math.Float32bits(dst[i]) != math.Float32bits(want) {
				t.Errorf("level %v: %T, %d x %d, column %d of row %d is %v, LogSoftmaxRows has %v; scale %v, causal %v %d, zeros %v",
					arith.Best, src.Data, src.Rows, src.Cols, k, i, dst[i], want, o.Scale, o.Causal, o.Offset, o.ZeroRows)
			}
		}
	}
}

// TestLogProbsGuard has rows that end where a page does that can't be touched.
func TestLogProbsGuard(t *testing.T) {
	src := guarded.Pages[float32](t, 200)
	dst := guarded.Pages[float32](t, 1)
	for _, arith.Best = range levels() {
		for n := 1; n <= 200; n++ {
			row := native.Row(src[len(src)-n:])
			native.LogProbs(dst[len(dst)-1:], row, []int{n - 1}, nil)
			native.LogProbs(dst[len(dst)-1:], row, []int{n - 1}, &native.Options{Scale: -1, Keep: native.Row(make([]bool, n))})
		}
	}
}

func TestLogProbsPanics(t *testing.T) {
	x, dst := make([]float32, 12), make([]float32, 3)
	src := native.Rows(x, 4)
	wantPanic(t, "native.LogProbs: len(dst) is 2, len(index) is 3, both must be the number of rows, 3", func() { native.LogProbs(dst[:2], src, []int{0, 1, 2}, nil) })
	wantPanic(t, "native.LogProbs: len(dst) is 3, len(index) is 4", func() { native.LogProbs(dst, src, []int{0, 1, 2, 3}, nil) })
	wantPanic(t, "native.LogProbs: index[1] is 4, it must be from 0 to before the number of columns, 4", func() { native.LogProbs(dst, src, []int{3, 4, 0}, nil) })
	wantPanic(t, "native.LogProbs: index[2] is -1,", func() { native.LogProbs(dst, src, []int{3, 0, -1}, nil) })
	wantPanic(t, "native.LogProbs: index[0] is 0, ", func() { native.LogProbs(dst[:1], native.Matrix[float32]{Rows: 1}, []int{0}, nil) })
	wantPanic(t, "native.LogProbs: dst of 3 elements overlaps src of 12", func() { native.LogProbs(x[9:], src, []int{0, 1, 2}, nil) })
	index := []int{0, 1, 2}
	wantPanic(t, "native.LogProbs: dst of 3 elements overlaps index", func() {
		native.LogProbs(unsafe.Slice((*float32)(unsafe.Pointer(&index[1])), 3), src, index, nil)
	})
	add := make([]float32, 4)
	wantPanic(t, "native.LogProbs: dst overlaps Options.Add of 4 elements", func() { native.LogProbs(add[:3], src, []int{0, 1, 2}, &native.Options{Add: native.Row(add)}) })
	native.LogProbs(nil, native.Matrix[float32]{}, nil, nil) // no rows, nothing to do
}

func TestLogProbsAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	rows, half := native.Rows(make([]float32, 300), 100), native.Rows(make([]native.Float16, 300), 100)
	dst, index := make([]float32, 3), make([]int, 3)
	long := native.Row(make([]float32, native.ChunkLen+1))
	for _, arith.Best = range levels() {
		f := func() {
			native.LogProbs(dst, rows, index, nil)
			native.LogProbs(dst, rows, index, &native.Options{Causal: true, Offset: 5, Scale: -1})
			native.LogProbs(dst, half, index, nil)
			native.LogProbs(dst[:1], long, index[:1], nil)
		}
		f() // what a pool has to get first
		if n := testing.AllocsPerRun(10, f); n > 0 {
			t.Errorf("level %v: %v allocations", arith.Best, n)
		}
	}
}

// BenchmarkLogProbs has the log-sum-exp of the same rows next to it.
func BenchmarkLogProbs(b *testing.B) {
	const rows = 64
	for _, cols := range []int{100, 1000, 32000} {
		src := native.Rows(make([]float32, rows*cols), cols)
		for i := range src.Data {
			src.Data[i] = float32(i % 17)
		}
		dst, index := make([]float32, rows), make([]int, rows)
		for i := range index {
			index[i] = i * 7 % cols
		}
		for name, f := range map[string]func(){
			"LogProbs":      func() { native.LogProbs(dst, src, index, nil) },
			"LogSumExpRows": func() { native.LogSumExpRows(dst, src, nil) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, cols), func(b *testing.B) {
				b.SetBytes(int64(4 * len(src.Data)))
				for b.Loop() {
					f()
				}
			})
		}
	}
}

// The cross-entropy of a batch: the mean of what the right classes have, negated.
func ExampleLogProbs() {
	logits := native.Rows([]float32{
		2, 1, 0,
		0, 3, 0,
	}, 3)
	labels := []int{0, 1}
	logProbs := make([]float32, len(labels))
	native.LogProbs(logProbs, logits, labels, nil)
	fmt.Printf("%.4f\n", logProbs)
	fmt.Printf("%.3f\n", -(logProbs[0]+logProbs[1])/2)
	// Output:
	// [-0.4076 -0.0949]
	// 0.251
}
