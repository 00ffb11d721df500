package f64

import (
	"fmt"
	"slices"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// TopK finds the k = index.Cols largest elements of each row of src. It writes their columns to
// that row of index, the largest first, and their probabilities to that row of probs: the bits that
// [SoftmaxRows] writes.
//
// The order is that of the elements after scale and masks; equal elements come in the order of
// their columns. (Elements that differ may have equal probabilities.) A masked element counts as
// -Inf, with probability 0. Where softmax makes a row NaN, or ZeroRows makes it 0, so are the
// probabilities, and the columns are 0, 1, 2, and so on.
//
// TopK panics, before it writes, unless probs and index have as many rows as src, and the same
// number of columns, at most src.Cols, and overlap neither src nor the slices of o. One goroutine
// does a row. O may be nil.
func TopK(probs Matrix, index native.Matrix[int], src Matrix, o *Options) {
	const who = "f64.TopK"
	p, columns, m := matrix(probs), shape.Matrix[int](index), matrix(src)
	shape.CheckTop(who, &p, &columns, &m)
	if x := columns.Used(); o != nil && (shape.Overlap(x, o.Scales) || shape.Overlap(x, o.Add.Data) || shape.Overlap(x, o.Keep.Data) || shape.Overlap(p.Used(), o.Keep.Data)) {
		panic(fmt.Sprintf("%s: probs and index of %d elements each must not overlap options", who, len(x)))
	}
	o.check(who, p.Used(), m.Rows, m.Cols)
	if columns.Cols == 0 {
		return
	}
	var c call
	c.begin(opTopK, p, m, o)
	c.columns = columns
	c.goroutines = max(1, min(c.goroutines, m.Rows))
	c.run()
}

// topK does a row. Its probabilities go to dst.
func (j *job) topK(index []int) {
	n := min(len(index), len(j.src)) // behind those are elements that the causal mask takes out
	h := heap{j.dst[:0], index[:0], n}
	total, kind := j.sumRow(nil, &h)
	if kind != regular {
		j.writeSpecial(kind, false)
		n = 0
	} else {
		if j.settled { // and some twice, or shifted, as differences of elements that differ may be equal
			shifted := j.shifted
			j.shifted = false
			h = heap{j.dst[:0], index[:0], n}
			for at := 0; at < len(j.src); at += arith64.Chunk {
				h.take(j.level, j.elements(at, min(at+arith64.Chunk, len(j.src))), at)
			}
			j.shifted = shifted
		}
		h.sort()
		y := j.dst[:n]
		if j.shifted {
			for i := range y {
				y[i] -= j.shift
			}
		}
		var st arith64.Sum
		st.SetN(&j.scale, total.n)
		f, _ := arith64.MakeFactor(total.hi, total.lo, 0)
		for y := range slices.Chunk(y, arith64.Chunk) {
			arith64.ExpScale(j.level, y, y, &st, &f)
		}
		clear(j.dst[n:])
	}
	for k := n; k < len(index); k++ {
		index[k] = k
	}
}

// topPiece is how many elements are passed over at a time, where the largest is not one of those wanted.
const topPiece = 128

// heap has the largest elements so far, the least of them first; of equal ones the later is less.
type heap struct {
	x     []float64
	index []int
	most  int // how many are wanted
}

// take takes elements, the first of which is element at of the row, and returns the largest.
func (h *heap) take(l arith64.Level, z []float64, at int) float64 {
	m := negInf
	for k := 0; k < len(z); k += topPiece {
		piece := z[k:min(k+topPiece, len(z))]
		largest := arith64.Max(l, piece)
		m = max(m, largest)
		if len(h.x) == h.most && !(largest > h.x[0]) {
			continue
		}
		for i, v := range piece {
			switch {
			case len(h.x) < h.most:
				h.push(v, at+k+i)
			case v > h.x[0]: // one that equals it comes later, and is less
				h.x[0], h.index[0] = v, at+k+i
				h.down(0)
			}
		}
	}
	return m
}

// sort puts the largest first.
func (h *heap) sort() {
	for n := len(h.x) - 1; n > 0; n-- {
		h.swap(0, n)
		h.x = h.x[:n]
		h.down(0)
	}
}

func (h *heap) less(a, b int) bool {
	return h.x[a] < h.x[b] || h.x[a] == h.x[b] && h.index[a] > h.index[b]
}

func (h *heap) swap(a, b int) {
	h.x[a], h.x[b] = h.x[b], h.x[a]
	h.index[a], h.index[b] = h.index[b], h.index[a]
}

func (h *heap) push(x float64, i int) {
	h.x, h.index = append(h.x, x), append(h.index, i)
	for c := len(h.x) - 1; c > 0 && h.less(c, (c-1)/2); c = (c - 1) / 2 {
		h.swap(c, (c-1)/2)
	}
}

func (h *heap) down(p int) {
	for {
		c := 2*p + 1
		if c >= len(h.x) {
			return
		}
		if c+1 < len(h.x) && h.less(c+1, c) {
			c++
		}
		if !h.less(c, p) {
			return
		}
		h.swap(c, p)
		p = c
	}
}
