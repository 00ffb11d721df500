package native

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TopK writes the k largest elements of each row of src, k being index.Cols: their columns to that
// row of index, the largest first, and their probabilities to that row of probs, the bits that
// [SoftmaxRows] writes to a float32 dst. It writes nothing of the rest, and looks at few elements
// twice: for a k up to 10, rows of 100,000 and more take little more time than [LogSumExpRows] does,
// and for a k of 50 about half as much again.
//
// The order is that of the elements after scale and masks, as probabilities of elements that
// differ may be equal; equal elements come in the order of their columns. What a mask takes out is
// -Inf, with probability 0. Where softmax makes all of a row NaN, or ZeroRows makes it zeros, so are
// the probabilities, and the columns are the first ones in order.
//
// Probs and index have as many rows as src and as many columns as each other, at most those of src,
// and overlap neither src nor what o has; otherwise TopK panics, before it writes. A row is done by
// one goroutine. O may be nil.
func TopK[S Element](probs Matrix[float32], index Matrix[int], src Matrix[S], o *Options) {
	const who = "native.TopK"
	src.check(who, "src")
	probs.check(who, "probs")
	index.check(who, "index")
	k := index.Cols
	if probs.Rows != src.Rows || index.Rows != src.Rows || probs.Cols != k || k > src.Cols || int64(src.Cols) > math.MaxUint32 {
		panic(fmt.Sprintf("%s: probs is %d x %d, index is %d x %d, both must be %d x k for a k of at most %d, the number of columns, which must be below 2^32",
			who, probs.Rows, probs.Cols, index.Rows, index.Cols, src.Rows, src.Cols))
	}
	p, x := probs.used(), index.used()
	if overlap(p, src.used()) || overlap(x, src.used()) || overlap(p, x) ||
		o != nil && (overlap(x, o.Scales) || overlap(x, o.Add.Data) || overlap(x, o.Keep.Data) || overlap(p, o.Keep.Data)) {
		panic(fmt.Sprintf("%s: probs of %d elements and index of %d must overlap neither each other nor src nor options", who, len(p), len(x)))
	}
	o.check(who, src.Rows, src.Cols)
	var c call
	begin(&c, opTopK, &probs, &src, o)
	c.checkAdd(who)
	if k == 0 {
		return
	}
	c.columns = index
	c.one.log = false
	c.plan.goroutines = max(1, min(c.plan.goroutines, c.rows))
	c.run()
}

// topRow does row i.
func (c *call) topRow(i int) {
	j := c.job(i)
	probs, index := c.dst.f[i*c.dstStride:][:c.columns.Cols], c.columns.row(i)
	j.dst = operand{f: probs}
	var one [1]chunk
	var total sum
	kind := allInf
	n := 0
	if j.src.len() > 0 {
		if j.buf == nil {
			j.buf = bufferPool.Get().(*buffers)
		}
		t := &j.buf.top
		t.begin(min(len(index), j.src.len()), j.src.len())
		j.top = t
		chunks := j.split(&one)
		rare := false // a chunk was not, or not as it is, summed in one go
		for i := range chunks {
			j.sumChunk(&chunks[i])
			rare = rare || chunks[i].state != summed
		}
		j.top = nil
		if total, kind = j.sumRow(chunks); kind == regular {
			shifted := j.shifted
			j.shifted = false
			if rare {
				j.topAgain(t)
			}
			j.pickTop(t)
			j.shifted = shifted
			n = t.sorted(probs, index)
		}
	}
	for k := n; k < len(index); k++ {
		index[k] = k // behind n elements that the causal mask leaves
	}
	if kind != regular {
		j.writeSpecial(kind)
	} else {
		clear(probs[n:])
		j.writeTop(probs[:n], &total)
	}
	j.release()
}

// writeTop makes probabilities of elements, in place.
func (j *job) writeTop(y []float32, total *sum) {
	if j.shifted {
		for i := range y {
			y[i] -= j.shift
		}
	}
	st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo, N: total.n}
	f := arith.MakeFactor(total.total)
	j.level.ExpScale(y, y, &st, &f)
}

// top finds the k largest elements of a row. A row is summed in pieces; the first pass knows the
// largest element of each lane of a piece. The k-th largest of those, the floor, is at most the k-th
// largest element, so that only lanes that reach it are looked at once more: k of them, and more
// where some are equal.
type top struct {
	k      int
	len    int // of pieces
	pieces []topPiece
	// keys is a heap of the k largest so far, the least one first. The order of keys is that of
	// elements, and of equal ones the earlier is larger.
	keys  []uint64
	least float32 // the element of keys[0]; NaN while there are less than k
}

// topLanes is how many lanes a sum has.
const topLanes = len(arith.Sum{}.Max)

type topPiece struct {
	at, end int
	max     [topLanes]float32
	hit     bool // a lane may have one of the k largest
}

// begin is for a row of n elements.
func (t *top) begin(k, n int) {
	t.k, t.pieces = k, t.pieces[:0]
	if cap(t.keys) < k {
		t.keys = make([]uint64, 0, k)
	}
	// A piece more costs about as much as six elements of a lane, k of which are looked at.
	for t.len = arith.Turn; t.len < blockLen && t.len*t.len/96 < n/k; {
		t.len *= 2
	}
}

// add takes a piece from at on with what the first pass found in it, and makes that pass forget it.
func (t *top) add(at, n int, st *arith.Sum) {
	if n > 0 {
		t.pieces = append(t.pieces, topPiece{at: at, end: at + n, max: st.Max})
	}
	for l := range st.Max {
		st.Max[l] = negInf
	}
}

// topAgain makes the pieces without a sum.
func (j *job) topAgain(t *top) {
	t.pieces = t.pieces[:0]
	var st arith.Sum
	st.Reset()
	for at := 0; at < j.src.len(); {
		z := j.elements(at, min(at+t.len, j.src.len()))
		for i, x := range z {
			if l := i % topLanes; x > st.Max[l] {
				st.Max[l] = x
			}
		}
		t.add(at, len(z), &st)
		at += len(z)
	}
}

// pickTop leaves the k largest elements in t.keys.
func (j *job) pickTop(t *top) {
	t.empty()
	for p := range t.pieces {
		for l, m := range &t.pieces[p].max {
			if !(m <= t.least) {
				t.offer(m, p*topLanes+l)
			}
		}
	}
	floor, all := t.least, false
	if len(t.keys) < t.k {
		floor, all = negInf, true
	}
	for _, key := range t.keys {
		_, i := element(key)
		t.pieces[i/topLanes].hit = true
	}
	t.empty()
	for p := range t.pieces {
		if p := &t.pieces[p]; p.hit || all {
			j.pickPiece(t, p, floor)
		}
	}
}

// pickPiece looks at the elements of a piece.
func (j *job) pickPiece(t *top, p *topPiece, floor float32) {
	z := j.elements(p.at, p.end)
	least := t.least // elements of this piece that equal it come later, and are less
	for l, m := range &p.max {
		if m >= floor && !(m <= least) {
			for i := l; i < len(z); i += topLanes {
				if x := z[i]; x >= floor && !(x <= least) {
					t.offer(x, p.at+i)
				}
			}
		}
	}
}

func (t *top) empty() { t.keys, t.least = t.keys[:0], nan }

// topKey is that of element x at i.
func topKey(x float32, i int) uint64 {
	w := math.Float32bits(x + 0) // -0 is 0
	w ^= uint32(int32(w)>>31) | 1<<31
	return uint64(w)<<32 | uint64(^uint32(i))
}

// element is that of a key.
func element(key uint64) (x float32, i int) {
	w := uint32(key >> 32)
	w ^= ^uint32(int32(w)>>31) | 1<<31
	return math.Float32frombits(w), int(^uint32(key))
}

// offer adds element x at i if it is one of the k largest so far.
func (t *top) offer(x float32, i int) {
	key := topKey(x, i)
	switch {
	case len(t.keys) < t.k:
		if t.keys = append(t.keys, key); len(t.keys) < t.k {
			return
		}
		for p := t.k/2 - 1; p >= 0; p-- {
			t.sift(p, t.keys[p], t.k)
		}
	case key > t.keys[0]:
		t.sift(0, key, t.k)
	}
	t.least, _ = element(t.keys[0])
}

// sift puts a key into the heap of the first n, at p or below.
func (t *top) sift(p int, key uint64, n int) {
	h := t.keys[:n]
	for {
		c := 2*p + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[c] >= key {
			break
		}
		h[p] = h[c]
		p = c
	}
	h[p] = key
}

// sorted empties the heap into elements and columns, the largest first, and returns how many.
func (t *top) sorted(x []float32, index []int) int {
	n := len(t.keys)
	for m := n - 1; m >= 0; m-- {
		x[m], index[m] = element(t.keys[0])
		if m > 0 {
			t.sift(0, t.keys[m], m)
		}
	}
	return n
}
