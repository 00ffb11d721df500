package native_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TestHidden has rows in which the causal mask hides all, or all but one element, around the
// lengths from which on they are done otherwise.
func TestHidden(t *testing.T) {
	nan, negInf := float32(math.NaN()), float32(math.Inf(-1))
	for _, arith.Best = range levels() {
		for _, cols := range []int{1, 2, 255, 256, 257, 300, 4096, 4097, 70000} {
			src := native.Rows(make([]float32, 3*cols), cols)
			for _, zeros := range []bool{false, true} {
				for _, goroutines := range []int{1, 4} {
					o := &native.Options{Causal: true, Offset: -2, ZeroRows: zeros, Goroutines: goroutines}
					soft, log, sums, probs := make([]float32, 3*cols), make([]float32, 3*cols), make([]float32, 3), make([]float32, 3)
					native.SoftmaxRows(native.Rows(soft, cols), src, o)
					native.LogSoftmaxRows(native.Rows(log, cols), src, o)
					native.LogSumExpRows(sums, src, o)
					native.LogProbs(probs, src, []int{0, 0, 0}, o)
					none, noneLog := nan, nan
					if zeros {
						none, noneLog = 0, negInf
					}
					for i := range 3 * cols {
						want, wantLog := none, noneLog
						switch {
						case i == 2*cols:
							want, wantLog = 1, 0
						case i > 2*cols:
							want, wantLog = 0, negInf
						}
						if !same(soft[i], want) || !same(log[i], wantLog) {
							t.Fatalf("level %v, %d columns, zeros %v, %d goroutines: element %d of row %d is %v, its logarithm %v; want %v, %v",
								arith.Best, cols, zeros, goroutines, i%cols, i/cols, soft[i], log[i], want, wantLog)
						}
					}
					if !sameRow(sums, []float32{negInf, negInf, 0}) || !sameRow(probs, []float32{noneLog, noneLog, 0}) {
						t.Errorf("level %v, %d columns, zeros %v, %d goroutines: log-sum-exp %v, log-probabilities %v", arith.Best, cols, zeros, goroutines, sums, probs)
					}
				}
			}
		}
	}
}

// TestFarApart has elements whose difference is beyond float32, though not times the scale.
func TestFarApart(t *testing.T) {
	const most = 3e38
	for _, arith.Best = range levels() {
		for _, scale := range []float32{0.1, 1e-30, 1e-34, 1e-36} {
			for _, cols := range []int{2, 300, 70000, -2, -300} {
				top := cols - 1
				if cols < 0 {
					top, cols = 0, -cols
				}
				row, got, prob := make([]float32, cols), make([]float32, cols), make([]float32, 1)
				for i := range row {
					row[i] = -most
				}
				row[top] = most
				far := -2 * most * float64(scale)
				excess := math.Log1p(float64(cols-1) * math.Exp(far))
				native.LogSoftmaxRows(native.Row(got), native.Row(row), &native.Options{Scale: scale})
				native.LogProbs(prob, native.Row(row), []int{1}, &native.Options{Scale: scale})
				for i, y := range got {
					want := far - excess
					if i == top {
						want = -excess
					}
					if !(math.Abs(float64(y)-want) <= 0x1p-22+0x1p-22*math.Abs(want)) || i == 1 && prob[0] != y {
						t.Fatalf("level %v, scale %v: element %d of %d is %v, by LogProbs %v, want %v", arith.Best, scale, i, cols, y, prob[0], want)
					}
				}
			}
		}
	}
}

// TestFarOffsets has the largest offset, which hides nothing, and the smallest, which hides all.
func TestFarOffsets(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, cols := range []int{1, 3, 300, 5000} {
			src := native.Rows(make([]float32, 3*cols), cols)
			for i := range src.Data {
				src.Data[i] = float32(i % 7)
			}
			for _, c := range []struct {
				offset int
				seen   int
			}{{math.MaxInt, cols}, {math.MinInt, 0}} {
				o := &native.Options{Causal: true, Offset: c.offset, ZeroRows: true}
				soft, log, sums, probs, top, index := like(src), like(src), make([]float32, 3), make([]float32, 3), make([]float32, 3), make([]int, 3)
				native.SoftmaxRows(soft, src, o)
				native.LogSoftmaxRows(log, src, o)
				native.LogSumExpRows(sums, src, o)
				native.LogProbs(probs, src, index, o)
				native.TopK(native.Rows(top, 1), native.Rows(index, 1), src, o)
				exps, all, factors := like(src), make([]native.Accumulator, 3), make([]float32, 3)
				native.ExpRows(exps, src, all, factors, o)
				for i := range 3 {
					want := native.LogSumExp(src.Data[i*cols:][:c.seen])
					if sums[i] != want || all[i].LogSumExp() != want {
						t.Errorf("level %v, %d columns, offset %d: log-sum-exp %v, of ExpRows %v, want %v", arith.Best, cols, c.offset, sums[i], all[i].LogSumExp(), want)
					}
					for _, p := range []float32{soft.Data[i*cols], top[i], exps.Data[i*cols]} {
						if (p > 0) != (c.seen > 0) {
							t.Errorf("level %v, %d columns, offset %d: row %d has a %v", arith.Best, cols, c.offset, i, p)
						}
					}
					if l := log.Data[i*cols]; l != probs[i] || (l > negInf) != (c.seen > 0) {
						t.Errorf("level %v, %d columns, offset %d: row %d has the logarithm %v, by LogProbs %v", arith.Best, cols, c.offset, i, l, probs[i])
					}
				}
			}
		}
	}
}

// TestHiddenByBoth has what must not show where Keep takes elements out of rows that something is added to, in place or not.
func TestHiddenByBoth(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	best := arith.Best
	defer func() { arith.Best = best }()
	r := rand.New(rand.NewPCG(5, 17))
	for _, cols := range []int{7, 8, 40, 128, 129, 300, 1000, 4097, 70000} {
		for rep := range 24 {
			const rows = 3
			x, want := make([]float32, rows*cols), make([]float32, rows*cols)
			add, keep := make([]float32, rows*cols), make([]bool, rows*cols)
			addRows, keepRows := 1+rep%2*(rows-1), 1+rep/2%2*(rows-1)
			for i := range add {
				add[i], keep[i] = r.Float32(), r.IntN(3) > 0
			}
			for i := range x {
				x[i] = r.Float32()*20 - 10
				want[i] = x[i] + add[i%(addRows*cols)]
				if !keep[i%(keepRows*cols)] {
					want[i] = -inf
					if rep >= 4 && r.IntN(1+cols/2) == 0 {
						x[i] = []float32{nan, inf, -inf, math.MaxFloat32}[r.IntN(4)]
					}
				} else if rep >= 12 && r.IntN(1+cols) == 0 { // the kernel stops there
					x[i] = 100
					want[i] = x[i] + add[i%(addRows*cols)]
				}
			}
			for row := range rows { // a hidden NaN must not hide an element of its lane that is too large
				hidden := row*cols + r.IntN(cols)
				large := hidden + 16 - 32*r.IntN(2)
				if rep < 16 || large < row*cols || large >= (row+1)*cols || keep[hidden%(keepRows*cols)] || !keep[large%(keepRows*cols)] {
					continue
				}
				x[hidden] = []float32{nan, inf}[r.IntN(2)]
				x[large] = []float32{85, 1e5, 1e30}[r.IntN(3)]
				want[large] = x[large] + add[large%(addRows*cols)]
			}
			arith.Best = best
			native.SoftmaxRows(native.Rows(want, cols), native.Rows(want, cols), nil)
			o := &native.Options{Add: native.Rows(add[:addRows*cols], cols), Keep: native.Rows(keep[:keepRows*cols], cols)}
			for _, arith.Best = range levels() {
				if testing.Short() && arith.Best == arith.Plain && cols > native.ChunkLen && rep < 20 {
					continue // it takes longest, and has no kernels of its own for long rows
				}
				got := slices.Clone(x)
				src := native.Rows(got, cols)
				if rep%2 > 0 {
					src = native.Rows(x, cols)
				}
				native.SoftmaxRows(native.Rows(got, cols), src, o)
				if !sameRow(got, want) {
					t.Fatalf("level %v, %d columns, case %d: the results differ from those of rows that are prepared", arith.Best, cols, rep)
				}
			}
		}
	}
}
