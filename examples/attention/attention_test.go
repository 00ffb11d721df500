package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/twopass-softmax/twopass/native"
)

// TestHead compares with the formula in float64: lengths around those of blocks, with and without a
// cache of keys, rows with gaps, and scores so far apart that sums are scaled again and again.
func TestHead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, queries := range []int{1, 5, 63, 64, 65, 130} {
		for _, more := range []int{-3, 0, 1, 64, 200} {
			keys := queries + more
			if keys < 1 {
				continue
			}
			for _, causal := range []bool{false, true} {
				for _, size := range []float64{1, 5, 30} {
					d, dv := 1+r.IntN(40), 1+r.IntN(40)
					q, k, v := random(r, queries, d, size), random(r, keys, d, size), random(r, keys, dv, 1)
					got := native.Rows(make([]float32, queries*dv), dv)
					Head(got, q, k, v, causal)
					for i := range queries {
						visible := keys
						if causal {
							visible = max(0, min(keys, i+1+more))
						}
						want, bound := direct(q, k, v, i, visible)
						for j, y := range row(got, i) {
							if e := math.Abs(float64(y) - want[j]); !(e <= bound) {
								t.Fatalf("%d queries, %d keys, causal %v, size %v: out[%d][%d] is %v, want %v +- %.2g",
									queries, keys, causal, size, i, j, y, want[j], bound)
							}
						}
					}
				}
			}
		}
	}
}

// random is a matrix with gaps of NaN between its rows.
func random(r *rand.Rand, rows, cols int, size float64) native.Matrix[float32] {
	m := native.Matrix[float32]{Rows: rows, Cols: cols, Data: make([]float32, rows*(cols+3)), Stride: cols + 3}
	for i := range m.Data {
		if m.Data[i] = float32(math.NaN()); i%m.Stride < cols {
			m.Data[i] = float32(r.NormFloat64() * size)
		}
	}
	return m
}

// direct is row i of the result by the formula, and how far float32 may be off: what products of so
// many elements round, in the scores as a factor of e^x, and in the sums.
func direct(q, k, v native.Matrix[float32], i, visible int) (out []float64, bound float64) {
	out = make([]float64, v.Cols)
	if visible == 0 {
		return out, 0
	}
	scores := make([]float64, visible)
	top, size := math.Inf(-1), 0.0
	for j := range scores {
		for d, x := range row(q, i) {
			p := float64(x) * float64(row(k, j)[d]) / math.Sqrt(float64(q.Cols))
			scores[j] += p
			size = max(size, math.Abs(p))
		}
		top = max(top, scores[j])
	}
	var sum, most float64
	for j, s := range scores {
		e := math.Exp(s - top)
		sum += e
		for d, x := range row(v, j) {
			out[d] += e * float64(x)
			most = max(most, math.Abs(float64(x)))
		}
	}
	for d := range out {
		out[d] /= sum
	}
	const u = 0x1p-24
	return out, most * u * (float64(2*q.Cols*q.Cols)*size + float64(visible) + 20)
}

func TestHeadPanics(t *testing.T) {
	defer func() {
		const want = "attention.Head: out is 2 x 3, q 2 x 4, k 5 x 4, v 4 x 3, which do not fit"
		if p := recover(); p != want {
			t.Errorf("panic %v, want %s", p, want)
		}
	}()
	m := func(rows, cols int) native.Matrix[float32] { return native.Rows(make([]float32, rows*cols), cols) }
	Head(m(2, 3), m(2, 4), m(5, 4), m(4, 3), false)
}

func ExampleHead() {
	q := native.Rows([]float32{1, 0, 0, 1}, 2)
	v := native.Rows([]float32{1, 2}, 1)
	out := native.Rows(make([]float32, 2), 1)
	Head(out, q, q, v, true)
	fmt.Printf("%.4f\n", out.Data)
	// Output: [1.0000 1.6698]
}

// BenchmarkHead has a head of 512 positions, and ExpRows' part of it.
func BenchmarkHead(b *testing.B) {
	const n, d = 512, 64
	r := rand.New(rand.NewPCG(1, 3))
	q, k, v := random(r, n, d, 1), random(r, n, d, 1), random(r, n, d, 1)
	out := native.Rows(make([]float32, n*d), d)
	b.Run("Head", func(b *testing.B) {
		for b.Loop() {
			Head(out, q, k, v, false)
		}
	})
	b.Run("ExpRows", func(b *testing.B) {
		scores := native.Rows(make([]float32, queryBlock*keyBlock), keyBlock)
		sums, factors := make([]native.Accumulator, queryBlock), make([]float32, queryBlock)
		for b.Loop() {
			for range n / queryBlock {
				clear(sums)
				for range n / keyBlock {
					native.ExpRows(scores, scores, sums, factors, &native.Options{Scale: 0.125})
				}
			}
		}
	})
}
