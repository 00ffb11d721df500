package native

import (
	"slices"
	"unsafe"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// Columns side by side: where the inner dimension has as many elements as a vector, vectors go across
// it, and nothing is gathered. What is irregular goes through the buffer.
//
// A tile is what kernels do at once. Some tiles are summed one after the other, and then written
// together: to write a few lines of memory here and there takes twice as long as to write a page.

const (
	// axisStore is how many elements stay in the second cache with their exponentials and results. Of
	// more, exponentials are computed twice: to store them takes longer.
	axisStore = 1 << 17
	// axisWide is how many columns are written together: a page.
	axisWide = 1 << 10
	// axisStep is how many rows go by before they are looked at, whether they are regular, and axisTurn
	// how many of a tile are written at a time.
	axisStep = 1 << 9
	axisTurn = 16
)

// planColumns decides whether columns go side by side, and how many.
func (a *axisCall) planColumns(rows int) {
	w := a.level.Columns()
	if w == 0 || a.inner < w || a.cols > wholeRow || a.o.Causal {
		return
	}
	if m := &a.o.Add; m.Data != nil {
		if m.Rows > 1 || len(a.o.Scales) > 0 {
			return
		}
		a.add = m.row(0)
	}
	if m := &a.o.Keep; m.Data != nil {
		if m.Rows > 1 || a.op != opSoftmax {
			return
		}
		a.keep = m.row(0)
		if a.first = slices.Index(a.keep, true); a.first < 0 {
			return
		}
	}
	a.wide = w
	a.together = arith.MostColumns / w
	a.halves = a.add != nil || a.src.format != isFloat32 || a.op != opLogSumExp && a.dst.format != isFloat32
	a.touch = a.halves && rows*a.cols >= touchFrom
	if a.halves {
		a.together = min(a.together, axisTile/w) // what the buffer has
	}
	a.tiles = axisWide / (a.together * w)
	a.store = a.op == opSoftmax && a.keep == nil && rows*a.cols <= axisStore
}

// columns does some of n rows from first on, which are of one outer index, by the kernels for columns,
// and returns how many it did.
func (a *axisCall) columns(b *axisBuffer, first, n int) (done int) {
	if n < a.wide {
		return 0
	}
	vectors := (n + a.wide - 1) / a.wide
	tiles := (vectors + a.together - 1) / a.together
	edge := func(i int) int { return min(n, vectors*i/tiles*a.wide) } // the last tile has the most
	for i := 0; i < tiles; {
		k := 0
		for k < a.tiles && i+k < tiles && a.sumColumns(b, k, first+edge(i+k), edge(i+k+1)-edge(i+k)) {
			k++
		}
		a.writeColumns(b, k)
		i += k
		if k < a.tiles && i < tiles {
			return edge(i)
		}
	}
	return n
}

// storeLen is how far tiles' exponentials are from each other: so far that they lie in different sets of
// the first cache.
func (a *axisCall) storeLen() int { return a.together*a.wide*a.cols + 9*16 }

// tile is columns that go side by side.
type tile struct {
	arith.Columns
	n, from, to int // how many, and where they begin
	e           []float32
	_           [16]byte // whole lines of the cache
}

// rowsAtOnce is how many rows kernels do at once.
func (a *axisCall) rowsAtOnce(most int) int {
	if a.halves {
		return min(most, axisTile)
	}
	return most
}

// sumColumns is the first pass over tile k, which has n columns. It is false if they are not regular.
func (a *axisCall) sumColumns(b *axisBuffer, k, first, n int) bool {
	t := &b.tiles[k]
	outer, inner := first/a.inner, first%a.inner
	t.n, t.from, t.to = n, outer*a.from.outer+inner, outer*a.to.outer+inner
	t.Reset(a.level, &b.sums, n, a.to.axis, a.from.axis)
	if !a.scaleColumns(t, first) {
		return false
	}
	if x, _ := a.elements(b, t, a.first, 1); !t.Begin(x) {
		return false
	}
	if a.store {
		size := a.storeLen()
		t.e = b.rows[k*size:][:size]
	}
	if !a.pass(b, t, false) {
		return false
	}
	if a.op == opSoftmax {
		return t.Factors()
	}
	if !t.Excesses() {
		if t.BeginOthers(); !a.pass(b, t, true) || !t.EndOthers() {
			return false
		}
	}
	if a.op == opLogSumExp {
		t.LogSumExps(a.sums[first:])
	} else {
		t.LogFactors()
	}
	return true
}

// pass sums a tile.
func (a *axisCall) pass(b *axisBuffer, t *tile, others bool) bool {
	step, places := a.rowsAtOnce(axisStep), t.Places()
	for k := 0; k < a.cols; k += step {
		rows := min(step, a.cols-k)
		x, stride := a.elements(b, t, k, rows)
		switch {
		case others:
			t.SumOthers(x, rows, stride)
		case a.op != opSoftmax:
			t.SumTop(x, rows, stride)
		case a.keep != nil:
			t.SumKept(x, b.keep[k:], rows, stride)
		case a.store:
			t.Sum(x, t.e[k*places:], rows, stride)
		default:
			t.SumOnly(x, rows, stride)
		}
		if !t.Regular() {
			return false
		}
	}
	return true
}

// writeColumns is the second pass over the first tiles.
func (a *axisCall) writeColumns(b *axisBuffer, tiles int) {
	if a.op == opLogSumExp {
		return
	}
	step := a.rowsAtOnce(axisTurn)
	if tiles == 1 {
		step = a.rowsAtOnce(axisStep)
	}
	for k := 0; k < a.cols; k += step {
		rows := min(step, a.cols-k)
		for i := range b.tiles[:tiles] {
			if t := &b.tiles[i]; a.keep == nil {
				a.writeTile(b, t, k, rows)
			} else {
				a.writeKept(b, t, k, rows)
			}
		}
	}
}

// writeKept is writeTile where some rows are taken out.
func (a *axisCall) writeKept(b *axisBuffer, t *tile, k, rows int) {
	for end := k + rows; k < end; k++ {
		n := 0
		for k+n < end && a.keep[k+n] {
			n++
		}
		if n > 0 {
			a.writeTile(b, t, k, n)
		}
		if k += n; k < end {
			to := t.to + k*a.to.axis
			out := a.dst.part(to, to+t.n)
			out.fill(0)
		}
	}
}

func (a *axisCall) writeTile(b *axisBuffer, t *tile, k, rows int) {
	to := t.to + k*a.to.axis
	y, stride := b.tile[:], t.n
	if a.touch {
		a.dst.touch(a.level, to, rows, t.n, a.to.axis)
	}
	if a.dst.format == isFloat32 {
		y, stride = a.dst.f[to:], a.to.axis
	}
	if a.store {
		t.Scale(y, t.e[k*t.Places():], rows, stride)
	} else {
		x, srcStride := a.elements(b, t, k, rows)
		if a.op == opSoftmax {
			t.ExpScale(y, x, rows, stride, srcStride)
		} else {
			t.LogSub(y, x, rows, stride, srcStride)
		}
	}
	switch a.dst.format {
	case isFloat16:
		a.level.NarrowF16Rows(a.dst.h[to:], y, rows, t.n, a.to.axis, t.n)
	case isBFloat16:
		a.level.NarrowBF16Rows(a.dst.h[to:], y, rows, t.n, a.to.axis, t.n)
	}
}

// touch asks for rows of cols elements.
func (o *operand) touch(l arith.Level, at, rows, cols, stride int) {
	if o.format == isFloat32 {
		f := o.f[at:]
		l.Touch(unsafe.Slice((*uint16)(unsafe.Pointer(&f[0])), 2*len(f)), rows, 2*cols, 2*stride)
		return
	}
	l.Touch(o.h[at:], rows, cols, stride)
}

// elements are rows k and so on of a tile as they go into exponentials, where they are or in the buffer.
func (a *axisCall) elements(b *axisBuffer, t *tile, k, rows int) (x []float32, stride int) {
	from := t.from + k*a.from.axis
	if next := k + rows; a.touch && next < a.cols { // it goes by too quickly to wait for memory
		a.src.touch(a.level, from+rows*a.from.axis, min(rows, a.cols-next), t.n, a.from.axis)
	}
	switch a.src.format {
	case isFloat32:
		x, stride = a.src.f[from:], a.from.axis
	case isFloat16:
		x, stride = b.tile[:], t.n
		a.level.WidenF16Rows(x, a.src.h[from:], rows, t.n, t.n, a.from.axis)
	case isBFloat16:
		x, stride = b.tile[:], t.n
		a.level.WidenBF16Rows(x, a.src.h[from:], rows, t.n, t.n, a.from.axis)
	}
	if a.add != nil {
		scale := a.o.Scale
		if scale == 0 {
			scale = 1
		}
		for i := range rows { // what becomes infinite is not near
			a.level.LogSub(b.tile[i*t.n:][:t.n], x[i*stride:][:t.n], 0, scale, -a.add[k+i])
		}
		x, stride = b.tile[:], t.n
	}
	return x, stride
}

// scaleColumns sets the scales of columns from first on. It is false if those don't go side by side.
func (a *axisCall) scaleColumns(t *tile, first int) bool {
	var s call
	scales := a.o.Scales
	if a.add != nil {
		return t.SetScale(&arith.One, 1)
	}
	if len(scales) == 0 {
		s.setScale(a.o.Scale)
		return s.one.mul == 1 && t.SetScale(&s.one.scale, s.one.factor)
	}
	for i := range t.Places() {
		x := scales[first+t.Column(i)]
		if i == 0 || x != scales[first+t.Column(i-1)] {
			s.setScale(x)
		}
		if s.one.mul != 1 || !t.SetScaleOf(i, &s.one.scale, s.one.factor) {
			return false
		}
	}
	return true
}
