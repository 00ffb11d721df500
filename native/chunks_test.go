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

// TestChunks has rows whose chunks are of one number each, near 0 or far from it on both sides: from
// 262,144 on kernels stop, and from 327,680 on rows are shifted.
func TestChunks(t *testing.T) {
	values := []float32{0, 300000, 327675, 327690, 1e6, -262150, -327675, -327690, -1e6, float32(math.Inf(-1)), float32(math.NaN())}
	level := levels()[len(levels())-1]
	triples := 30
	if testing.Short() {
		triples = 10
	}
	for i := range values {
		for k, v := range values {
			if testing.Short() && (i+k)%4 > 0 {
				continue
			}
			if arith.Best = level; (i+k)%9 == 0 {
				arith.Best = arith.Plain
			}
			checkChunks(t, []float32{values[i], v})
		}
	}
	r := rand.New(rand.NewPCG(3, 14))
	arith.Best = level
	for range triples {
		checkChunks(t, []float32{values[r.IntN(len(values))], values[r.IntN(len(values))], values[r.IntN(len(values))]})
	}
}

func checkChunks(t *testing.T, values []float32) {
	t.Helper()
	const last = 100 // elements of the last chunk
	n := (len(values)-1)*native.ChunkLen + last
	x, soft, log := make([]float32, n), make([]float32, n), make([]float32, n)
	top := math.Inf(-1)
	var a native.Accumulator
	for k, v := range values {
		piece := x[k*native.ChunkLen : min((k+1)*native.ChunkLen, n)]
		for i := range piece {
			piece[i] = v
		}
		top = max(top, float64(v))
		a.Add(piece)
	}
	sum := 0.0
	for k, v := range values {
		many := native.ChunkLen
		if k == len(values)-1 {
			many = last
		}
		sum += float64(many) * math.Exp(float64(v)-top)
	}
	near := func(got float32, want, fixed float64) bool {
		return float64(got) == want || math.Abs(float64(got)-want) <= fixed+7*0x1p-24*math.Abs(want) || want != want && got != got
	}
	check := func(what string) {
		t.Helper()
		for k, v := range values {
			begin, end := k*native.ChunkLen, min((k+1)*native.ChunkLen, n)
			wantLog := float64(v) - top - math.Log(sum)
			want := math.Exp(wantLog)
			if want < 0x1p-126 {
				want = 0
			}
			for i := begin; i < end; i++ {
				if !same(soft[i], soft[begin]) || !same(log[i], log[begin]) {
					t.Fatalf("level %v, %v, %s: element %d of chunk %d differs from the first", arith.Best, values, what, i-begin, k)
				}
			}
			if !near(soft[begin], want, 0) || !near(log[begin], wantLog, 0x1p-22) {
				t.Errorf("level %v, %v, %s: in chunk %d the softmax is %v, its logarithm %v, want %v, %v", arith.Best, values, what, k, soft[begin], log[begin], want, wantLog)
			}
		}
	}
	row := native.Row(x)
	native.Softmax(soft, x)
	native.LogSoftmax(log, x)
	check("alone")
	if y := native.LogSumExp(x); !near(y, top+math.Log(sum), 0x1p-22) && !(math.IsInf(top, -1) && y == float32(top)) {
		t.Errorf("level %v, %v: log-sum-exp is %v, want %v", arith.Best, values, y, top+math.Log(sum))
	}
	for _, o := range []native.Options{{Algorithm: native.Recompute}, {Algorithm: native.Store, Goroutines: 3}} {
		clear(soft)
		clear(log)
		native.SoftmaxRows(native.Row(soft), row, &o)
		native.LogSoftmaxRows(native.Row(log), row, &o)
		check(o.Explain(n))
	}
	a.Softmax(soft, x)
	a.LogSoftmax(log, x)
	check("by an accumulator")
	for i := range x {
		x[i] *= 2
	}
	native.SoftmaxRows(native.Row(soft), row, &native.Options{Scale: 0.5})
	native.LogSoftmaxRows(native.Row(log), row, &native.Options{Scale: 0.5})
	check("twice as far, with the scale 0.5")
}

// TestSingleRows compares the functions of one row, and those of two, with plain Go, at every length at which kernels
// differ. Rows are ordinary, or have an element far above all others, or another far below them too.
func TestSingleRows(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 4))
	for k := range 3 * (4*arith.Turn + 1) {
		n := 1 + k/3
		if k%3 > 0 && n > 2*arith.Turn+1 {
			continue
		}
		x := inputs.Normal.Row(uint64(n), n)
		if k%3 > 0 {
			x[n*5/7] += 20
		}
		if k%3 > 1 {
			x[r.IntN(n)] -= 200
		}
		twice := native.Matrix[float32]{Rows: 2, Cols: n, Data: slices.Concat(x, []float32{0}, x), Stride: n + 1}
		soft, log, sum := make([]float32, n), make([]float32, n), make([]float32, 1)
		arith.Best = arith.Plain
		native.SoftmaxRows(native.Row(soft), native.Row(x), nil)
		native.LogSoftmaxRows(native.Row(log), native.Row(x), nil)
		native.LogSumExpRows(sum, native.Row(x), nil)
		for _, arith.Best = range levels() {
			compare := func(what string, want []float32, do func(y []float32)) {
				t.Helper()
				y := slices.Repeat([]float32{nan}, len(want)) // what is not written differs
				do(y)
				compareRows(t, fmt.Sprintf("level %v, %s of %d", arith.Best, what, n), y, want)
			}
			compare("rows' softmax", slices.Repeat(soft, 2), func(y []float32) { native.SoftmaxRows(native.Rows(y, n), twice, nil) })
			compare("rows' log-softmax", slices.Repeat(log, 2), func(y []float32) { native.LogSoftmaxRows(native.Rows(y, n), twice, nil) })
			compare("rows' log-sum-exp", slices.Repeat(sum, 2), func(y []float32) { native.LogSumExpRows(y, twice, nil) })
			compare("softmax", soft, func(y []float32) { native.Softmax(y, x) })
			compare("log-softmax", log, func(y []float32) { native.LogSoftmax(y, x) })
			compare("log-sum-exp", sum, func(y []float32) { y[0] = native.LogSumExp(x) })
		}
	}
}

// TestShift holds from which largest element on a row has the bits of the row less that element: the
// definition's 327,680. Those nearer to 0 have others, as their exponentials are less exact.
func TestShift(t *testing.T) {
	for _, arith.Best = range levels() {
		for top, shifted := range map[float32]bool{
			300000: false, 327680: false, 327680.03125: true, 400000: true,
			-300000: false, -327680: false, -327680.03125: true, -400000: true,
		} {
			for _, n := range []int{50, 5000, native.ChunkLen + 5} {
				x, less := make([]float32, n), make([]float32, n)
				for i := range x {
					less[i] = -float32(i*7%600) / 32
					x[i] = top + less[i]
				}
				got, want := make([]float32, n), make([]float32, n)
				native.Softmax(got, x)
				native.Softmax(want, less)
				if equal := sameRow(got, want); equal != shifted {
					t.Errorf("level %v: %d elements up to %v have the bits of those less it: %v, want %v", arith.Best, n, top, equal, shifted)
				}
			}
		}
	}
}

// TestLateTop has a largest element that is just not shifted, far above those before it.
func TestLateTop(t *testing.T) {
	for _, arith.Best = range levels() {
		x, got, want := make([]float32, 300), make([]float32, 300), make([]float32, 300)
		for i := range x {
			x[i] = 300000
		}
		x[299], want[299] = 327680, 1
		native.Softmax(got, x)
		compareRows(t, "softmax", got, want)
		if y := native.LogSumExp(x); y != 327680 {
			t.Errorf("level %v: log-sum-exp is %v", arith.Best, y)
		}
	}
}

// TestMaskedChunks has rows of several chunks with a mask or a bias, whose bits are those of the prepared row
// without: some are of elements near, others have some beyond what a segment's N reaches, far ones, or a NaN.
func TestMaskedChunks(t *testing.T) {
	const n = 2*native.ChunkLen + 300
	r := rand.New(rand.NewPCG(29, 11))
	for rep := range 16 {
		x, add, keep := inputs.Normal.Row(uint64(rep), n), inputs.Uniform10.Row(uint64(rep), n), make([]bool, n)
		begin := []int{0, 5000, native.ChunkLen + 77, 2*native.ChunkLen + 299}[r.IntN(4)] // hidden before it
		for i := range x {
			if keep[i] = i >= begin && r.IntN(3) > 0; i < begin {
				add[i] = negInf32
			}
		}
		for range rep / 4 * 3 {
			x[r.IntN(n)] = []float32{90, -200, 1e4, 3e5, -3e5, 4e5, float32(math.NaN())}[r.IntN(min(rep/2, 7))]
		}
		if rep == 4 || rep == 7 { // such rows are shifted, whose other elements are then below that shift's limit
			for i := range x {
				x[i] -= 60
			}
			at := native.ChunkLen + 5000
			x[at], add[at], keep[at] = 6e5, 0, true
		}
		p := arith.Preparation{Mul: 1}
		o := native.Options{ZeroRows: true, Algorithm: native.Algorithm(rep % 3), Goroutines: 1 + rep/8}
		if rep/2%2 == 0 {
			p.Keep, o.Keep = keep, native.Row(keep)
		} else {
			p.Mul, o.Scale = 0.75, 0.75
			p.Add, o.Add = add, native.Row(add)
		}
		prepared := make([]float32, n)
		arith.Plain.PrepareRows(prepared, x, 1, n, n, n, &p)
		want, got := make([]float32, n), make([]float32, n)
		native.SoftmaxRows(native.Row(want), native.Row(prepared), &native.Options{ZeroRows: true})
		for _, arith.Best = range levels() {
			clear(got)
			native.SoftmaxRows(native.Row(got), native.Row(x), &o)
			what := fmt.Sprintf("level %v, case %d, keep %v, from %d on", arith.Best, rep, p.Keep != nil, begin)
			compareRows(t, what, got, want)
			copy(got, x)
			native.SoftmaxRows(native.Row(got), native.Row(got), &o)
			compareRows(t, what+", in place", got, want)
		}
	}
}
