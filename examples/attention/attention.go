// Package attention computes softmax(q * k^T / sqrt(d)) * v by blocks of keys, as FlashAttention does
// (Dao et al., arXiv 2205.14135): no more than a block of the scores exists at a time.
//
// The softmax is two functions of package native. ExpRows turns the scores of a block into exponentials
// that go with what was added up before, and DivideRows divides by their sum at the end. The products
// are plain loops here; a program would take a BLAS.
package attention

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native"
)

// Blocks are of 64 x 64 scores: 16 KiB, which stay in the first cache.
const queryBlock, keyBlock = 64, 64

// Head computes one head. Each matrix has a row for each position: q and k rows of d elements, out and
// v of another number. If causal, a query sees the keys up to its own position; the last query and the
// last key are at the same one, so that keys may come from a cache. A query that sees no key gets zeros.
// Out may not overlap the others. Head panics if shapes don't fit.
func Head(out, q, k, v native.Matrix[float32], causal bool) {
	if q.Cols != k.Cols || k.Rows != v.Rows || out.Rows != q.Rows || out.Cols != v.Cols {
		panic(fmt.Sprintf("attention.Head: out is %d x %d, q %d x %d, k %d x %d, v %d x %d, which do not fit",
			out.Rows, out.Cols, q.Rows, q.Cols, k.Rows, k.Cols, v.Rows, v.Cols))
	}
	o := native.Options{Scale: float32(1 / math.Sqrt(float64(q.Cols))), Causal: causal, ZeroRows: true}
	cached := k.Rows - q.Rows // keys before the first query
	for first := 0; first < q.Rows; first += queryBlock {
		n := min(queryBlock, q.Rows-first)
		keys := k.Rows
		if causal { // the last query of the block sees no more
			keys = max(0, min(keys, cached+first+n))
		}
		o.Offset = cached + first
		block(part(out, first, n), part(q, first, n), part(k, 0, keys), part(v, 0, keys), o)
	}
}

// block is Head for up to queryBlock queries.
func block(out, q, k, v native.Matrix[float32], o native.Options) {
	var buffer [queryBlock * keyBlock]float32
	var sumsOf [queryBlock]native.Accumulator
	var factors [queryBlock]float32
	sums := sumsOf[:q.Rows]
	for i := range q.Rows {
		clear(row(out, i))
	}
	for first := 0; first < k.Rows; first += keyBlock {
		n := min(keyBlock, k.Rows-first)
		scores := native.Rows(buffer[:q.Rows*n], n)
		for i := range q.Rows {
			for j := range n {
				scores.Data[i*n+j] = dot(row(q, i), row(k, first+j))
			}
		}
		native.ExpRows(scores, scores, sums, factors[:q.Rows], &o)
		o.Offset -= n // the next keys begin so much later
		for i := range q.Rows {
			y := row(out, i)
			if f := factors[i]; f != 1 { // it is a power of two, in most blocks 1
				for d := range y {
					y[d] *= f
				}
			}
			for j, e := range row(scores, i) {
				add(y, row(v, first+j), e)
			}
		}
	}
	native.DivideRows(out, out, sums, &o)
}

func dot(x, y []float32) (sum float32) {
	y = y[:len(x)]
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// add adds f * x to y.
func add(y, x []float32, f float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += f * x[i]
	}
}

func row(m native.Matrix[float32], i int) []float32 { return m.Data[i*m.Stride:][:m.Cols] }

// part is n rows of a matrix from first on.
func part(m native.Matrix[float32], first, n int) native.Matrix[float32] {
	if n == 0 {
		return native.Matrix[float32]{Cols: m.Cols}
	}
	return native.Matrix[float32]{Rows: n, Cols: m.Cols, Data: m.Data[first*m.Stride:], Stride: m.Stride}
}
