package arith

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
)

// TestOtherEdges gives the kernels that prepare, convert, select and transpose, those of gradients and those
// for columns operands that begin or end where pages do that can't be touched: a read beyond them crashes,
// too. Other tests have the kernels of rows.
func TestOtherEdges(t *testing.T) {
	const longest = 160
	var pages [4][]float32
	for i := range pages {
		pages[i] = guarded.Pages[float32](t, longest*longest)
	}
	for _, l := range Levels() {
		for _, atEnd := range []bool{true, false} {
			floats := func(i, n int) []float32 { return atEdge[float32](pages[i], n, atEnd) }
			halves := func(i, n int) []uint16 { return atEdge[uint16](pages[i], n, atEnd) }
			bools := func(i, n int) []bool { return atEdge[bool](pages[i], n, atEnd) }
			words := func(i, n int) []uint32 { return atEdge[uint32](pages[i], n, atEnd) }
			for n := 1; n <= longest; n++ {
				if testing.Short() && n > 33 && n%16 > 1 {
					continue
				}
				for _, p := range pages {
					clear(p)
				}
				x, y, z := floats(0, n), floats(1, n), floats(2, n)
				l.Prepare(x, y, 3, nil, nil)
				l.Prepare(x, y, 3, z, nil)
				l.Prepare(x, y, 1, nil, bools(3, n))
				l.Prepare(x, y, 3, z, bools(3, n))
				l.WidenF16(x, halves(3, n))
				l.WidenBF16(x, halves(3, n))
				l.NarrowF16(halves(3, n), x)
				l.NarrowBF16(halves(3, n), x)
				l.Dot(x, y)
				l.Dot(nil, y)
				l.SoftmaxGrad(x, y, z, 1, 1)
				l.LogSoftmaxGrad(x, y, z, 1, 1)
				l.SoftmaxGradRows(x, y, z, 1, 1, n, n, n, n)
				l.LogSoftmaxGradRows(x, y, z, 1, 1, n, n, n, n)
				for _, cols := range []int{1, 7, 8, 9, 16, 40, longest} {
					l.Transpose(floats(0, n*cols), floats(1, n*cols), n, cols, n, cols)
				}
				st := Sum{KHi: One.KHi, KLo: One.KLo, N: -Headroom, Lim: 1}
				st.Reset()
				turns := (n + turn - 1) / turn
				l.SumTops(floats(0, turns*lanes), x, &st)
				whole := (n + lanes - 1) &^ (lanes - 1)
				l.FloorOf(floats(0, whole), 1+n/2, n)
				l.RanksOf(words(0, whole), floats(1, whole), n)
				if w := l.Columns(); w > 0 && n >= w && n <= MostColumns {
					for _, rows := range []int{1, 2, 63, 64, 65, 70} {
						columnsAtEdges(t, l, rows, n, floats, words)
					}
				}
			}
		}
	}
}

// atEdge is n elements at the beginning of a page, or at the end.
func atEdge[T any](page []float32, n int, atEnd bool) []T {
	size := int(unsafe.Sizeof(*new(T)))
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(page))), 4*len(page)/size)
	if atEnd {
		return all[len(all)-n:]
	}
	return all[:n:n]
}

// columnsAtEdges runs the kernels for columns, which are ordinary.
func columnsAtEdges(t *testing.T, l Level, rows, n int, floats func(i, n int) []float32, words func(i, n int) []uint32) {
	t.Helper()
	src, dst, keep := floats(0, rows*n), floats(1, rows*n), words(2, rows)
	clear(src)
	for i := range keep {
		keep[i] = 1<<32 - 1
	}
	var c Columns
	c.Reset(l, new(ColumnSums), n, n, n)
	c.SetScale(&One, 1)
	e := floats(3, rows*c.Places())
	for _, sum := range []func(){
		func() { c.Sum(src, e, rows, n) },
		func() { c.SumOnly(src, rows, n) },
		func() { c.SumKept(src, keep, rows, n) },
	} {
		if c.Begin(src); !c.Regular() {
			t.Fatalf("level %v refuses zeros", l)
		}
		if sum(); !c.Regular() || !c.Factors() {
			t.Fatalf("level %v refuses %d x %d zeros", l, rows, n)
		}
		want := slices.Repeat([]float32{1 / float32(rows)}, rows*n)
		for _, second := range []func(){
			func() { c.Scale(dst, e, rows, n) },
			func() { c.ExpScale(dst, src, rows, n, n) },
		} {
			second()
			for i, y := range dst {
				if d := y - want[i]; d > 1e-6 || d < -1e-6 {
					t.Fatalf("level %v: of %d zeros the softmax is %v", l, rows, y)
				}
			}
		}
	}
	c.Begin(src)
	if c.SumTop(src, rows, n); !c.Excesses() {
		c.BeginOthers()
		c.SumOthers(src, rows, n)
		c.EndOthers()
	}
	c.LogFactors()
	c.LogSub(dst, src, rows, n, n)
}
