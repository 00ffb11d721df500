package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestColumns compares with the plain kernels of rows: all lengths of up to three groups, in one call or
// two, one scale or several, elements that are not near, sure columns, gaps, and in place.
func TestColumns(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		n := l.Columns()
		if n == 0 {
			t.Skip("no kernels for columns")
		}
		r := rand.New(rand.NewPCG(22, 8))
		done, refused, surely, kept := 0, 0, 0, 0
		times, cols := 3, MostColumns-n+1
		if testing.Short() {
			times, cols = 1, 2*n+1
		}
		for rep := range times * (3*ColumnsGroup + 1) {
			c := newColumnsCase(t, r, l, 1+rep/times, n+r.IntN(cols))
			switch {
			case !c.run(t):
				refused++
			case !c.regular:
				t.Fatalf("%v: columns that are not regular are done", c)
			default:
				done++
			}
			surely, kept = surely+c.sure, kept+c.done
		}
		if done < 100*times || refused < 10*times || surely < 300*times || kept < 90*times {
			t.Errorf("%d matrices were done, %d refused, %d columns were sure, %d had rows taken out: too few", done, refused, surely, kept)
		}
	})
}

// columnsCase is a matrix and the results of its columns.
type columnsCase struct {
	Columns
	sums                 ColumnSums
	rows, n              int
	dstStride, srcStride int
	part                 int // of the rows, in the first call
	src                  []float32
	softmax, log         []float32
	logSumExp            []float32
	regular              bool
	sure, done           int
}

func (c *columnsCase) String() string {
	return fmt.Sprintf("%v, %d x %d, strides %d and %d, scales %v", c.level, c.rows, c.n, c.srcStride, c.dstStride, c.factor[:3])
}

func newColumnsCase(t *testing.T, r *rand.Rand, l Level, rows, cols int) *columnsCase {
	t.Helper()
	c := &columnsCase{rows: rows, n: cols, srcStride: cols + r.IntN(20), dstStride: cols + r.IntN(20), regular: true,
		part: ColumnsGroup * r.IntN((rows-1)/ColumnsGroup+1)}
	c.Reset(l, &c.sums, cols, c.dstStride, c.srcStride)
	scales := []float32{1, 0.37, 3, 1e-9}
	factor := scales[r.IntN(len(scales))]
	if s := MakeScale(factor); !c.SetScale(&s, factor) {
		t.Fatalf("%v is no scale for columns", factor)
	}
	if r.IntN(2) == 0 {
		own := make([]float32, cols)
		for j := range own {
			own[j] = scales[r.IntN(len(scales))]
		}
		for i := range c.Places() {
			factor = own[c.Column(i)]
			if s := MakeScale(factor); !c.SetScaleOf(i, &s, factor) {
				t.Fatalf("%v is no scale for columns", factor)
			}
		}
	}
	c.src = make([]float32, (rows-1)*c.srcStride+cols)
	c.softmax, c.log, c.logSumExp = make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, cols)
	deviation := float64(1 + 6*r.IntN(2)) // many columns are sure then
	whole := r.IntN(3) == 0               // some lanes have the same largest element
	special := -1
	if r.IntN(4) == 0 {
		special = r.IntN(rows)
	}
	before := -1
	for i := range c.Places() {
		if c.Column(i) <= before {
			continue // once more
		}
		before = c.Column(i)
		j, x, y := c.Column(i), make([]float32, rows), make([]float32, rows)
		for k := range x {
			v := r.NormFloat64()*deviation + 20
			if whole {
				v = math.Floor(v)
			}
			x[k] = float32(v / float64(c.factor[i]))
			if k == special && j == 3 {
				x[k] = specials[r.IntN(len(specials))]
			}
			c.src[k*c.srcStride+j] = x[k]
		}
		p := Rows{Scale: MakeScale(c.factor[i])}
		var sum [1]RowSum
		if softmaxRowsPlain(y, x, 1, rows, rows, rows, &p) == 0 || sumRowsPlain(x, 1, rows, rows, sum[:], &p) == 0 {
			c.regular = false
			continue
		}
		if sum[0].Sure() {
			Plain.SumOthers(x, &sum[0], &p.Scale)
			c.sure++
		}
		excess := sum[0].Excess(c.factor[i])
		c.logSumExp[j] = float32(float64(float64(sum[0].Max)*float64(c.factor[i])) + excess)
		z := make([]float32, rows)
		logSubPlain(z, x, sum[0].Max, c.factor[i], float32(excess))
		for k := range rows {
			c.softmax[k*cols+j], c.log[k*cols+j] = y[k], z[k]
		}
	}
	return c
}

// pass sums in one call or two.
func (c *columnsCase) pass(f func(k, rows int, x []float32)) bool {
	if c.part > 0 {
		f(0, c.part, c.src)
	}
	f(c.part, c.rows-c.part, c.src[c.part*c.srcStride:])
	return c.Regular()
}

// second holds what a second pass writes, elsewhere or in place.
func (c *columnsCase) second(t *testing.T, what string, want []float32, f func(dst []float32, stride int)) {
	t.Helper()
	check := func(what string, dst []float32, stride int) {
		for k := range c.rows {
			sameSlice(t, fmt.Sprintf("%v: %s, row %d", c, what, k), dst[k*stride:][:c.n], want[k*c.n:][:c.n])
		}
	}
	dst, intact := around[float32]((c.rows-1)*c.dstStride+c.n, 3, 77)
	f(dst, c.dstStride)
	check(what, dst, c.dstStride)
	for k := range c.rows - 1 {
		for _, y := range dst[k*c.dstStride+c.n : (k+1)*c.dstStride] {
			if y != 77 {
				t.Fatalf("%v: %s: written between rows", c, what)
			}
		}
	}
	if !intact() {
		t.Fatalf("%v: %s: written around dst", c, what)
	}
	src := slices.Clone(c.src)
	f(c.src, c.srcStride)
	check(what+" in place", c.src, c.srcStride)
	copy(c.src, src)
}

// run compares all kernels. It is false if they refuse the columns.
func (c *columnsCase) run(t *testing.T) bool {
	e := make([]float32, c.rows*c.Places())
	if !c.Begin(c.src) || !c.pass(func(k, rows int, x []float32) { c.Sum(x, e[k*c.Places():], rows, c.srcStride) }) || !c.Factors() {
		return false
	}
	if !c.regular {
		return true
	}
	c.second(t, "softmax of stored exponentials", c.softmax, func(dst []float32, stride int) { c.Scale(dst, e, c.rows, stride) })
	c.Begin(c.src)
	if !c.pass(func(_, rows int, x []float32) { c.SumOnly(x, rows, c.srcStride) }) || !c.Factors() {
		t.Fatalf("%v: refused without a store", c)
	}
	c.second(t, "softmax", c.softmax, func(dst []float32, stride int) { c.ExpScale(dst, c.src, c.rows, stride, c.srcStride) })
	c.kept(t)
	c.Begin(c.src)
	if !c.pass(func(_, rows int, x []float32) { c.SumTop(x, rows, c.srcStride) }) {
		t.Fatalf("%v: refused with largest elements", c)
	}
	if !c.Excesses() {
		c.BeginOthers()
		if !c.pass(func(_, rows int, x []float32) { c.SumOthers(x, rows, c.srcStride) }) || !c.EndOthers() {
			return false
		}
	}
	sums, intact := around[float32](c.n, 3, 77)
	c.LogSumExps(sums)
	sameSlice(t, fmt.Sprintf("%v: log-sum-exp", c), sums, c.logSumExp)
	if !intact() {
		t.Fatalf("%v: log-sum-exp: written around dst", c)
	}
	c.LogFactors()
	c.second(t, "log-softmax", c.log, func(dst []float32, stride int) { c.LogSub(dst, c.src, c.rows, stride, c.srcStride) })
	return true
}

// TestColumnsShort has operands that lack an element, which memory goes on behind: nothing is written.
func TestColumnsShort(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		n := l.Columns()
		if n == 0 {
			t.Skip("no kernels for columns")
		}
		const rows = 3
		srcStride, dstStride := n+9, n+5
		var c Columns
		var sums ColumnSums
		c.Reset(l, &sums, n, dstStride, srcStride)
		c.SetScale(&One, 1)
		dst, src, e := make([]float32, (rows-1)*dstStride+n), make([]float32, (rows-1)*srcStride+n), make([]float32, rows*n)
		for name, f := range map[string]func(dst, src, e []float32){
			"Sum":       func(_, src, e []float32) { c.Sum(src, e, rows, srcStride) },
			"SumOnly":   func(_, src, _ []float32) { c.SumOnly(src, rows, srcStride) },
			"SumKept":   func(_, src, _ []float32) { c.SumKept(src, make([]uint32, rows), rows, srcStride) },
			"SumTop":    func(_, src, _ []float32) { c.SumTop(src, rows, srcStride) },
			"SumOthers": func(_, src, _ []float32) { c.SumOthers(src, rows, srcStride) },
			"Scale":     func(dst, _, e []float32) { c.Scale(dst, e, rows, dstStride) },
			"ExpScale":  func(dst, src, _ []float32) { c.ExpScale(dst, src, rows, dstStride, srcStride) },
			"LogSub":    func(dst, src, _ []float32) { c.LogSub(dst, src, rows, dstStride, srcStride) },
		} {
			c.Begin(src)
			f(dst, src, e) // does not panic
			for k, lacks := range [][3]int{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
				takes := []bool{name == "Scale" || name == "ExpScale" || name == "LogSub", name != "Scale", name == "Sum" || name == "Scale"}
				if !takes[k] {
					continue
				}
				c.Begin(src)
				clear(dst)
				clear(e)
				func() {
					defer func() {
						if recover() == nil || slices.Max(dst) > 0 || slices.Max(e) > 0 {
							t.Errorf("%s of operands that lack %v elements: no panic, or a late one", name, lacks)
						}
					}()
					f(dst[:len(dst)-lacks[0]], src[:len(src)-lacks[1]], e[:len(e)-lacks[2]])
				}()
			}
		}
	})
}

// kept compares where every third row is taken out, whatever it has.
func (c *columnsCase) kept(t *testing.T) {
	keep := make([]uint32, c.rows)
	first := c.rows % 2
	if c.rows == 1 {
		first = 0
	}
	src := slices.Clone(c.src)
	for k := range keep {
		if keep[k] = 1<<32 - 1; k < first || k%3 == 2 {
			keep[k] = 0
			for j := range c.n {
				c.src[k*c.srcStride+j] = specials[(j+k)%len(specials)]
			}
		}
	}
	c.Begin(c.src[first*c.srcStride:])
	if !c.pass(func(k, rows int, x []float32) { c.SumKept(x, keep[k:], rows, c.srcStride) }) || !c.Factors() {
		copy(c.src, src)
		return
	}
	copy(c.src, src)
	c.done++
	got := make([]float32, (c.rows-1)*c.dstStride+c.n)
	c.ExpScale(got, c.src, c.rows, c.dstStride, c.srcStride)
	for i := range c.Places() {
		x, want := make([]float32, c.rows), make([]float32, c.rows)
		for k := range x {
			if x[k] = negInf; keep[k] > 0 {
				x[k] = c.src[k*c.srcStride+c.Column(i)]
			}
		}
		if softmaxMaskedPlain(want, x, 1, c.rows, c.rows, c.rows, &Rows{Scale: MakeScale(c.factor[i])}, c.rows) == 0 {
			t.Fatalf("%v: column %d is done, though not regular", c, c.Column(i))
		}
		for k := range x {
			if y := got[k*c.dstStride+c.Column(i)]; keep[k] > 0 && y != want[k] {
				t.Fatalf("%v: with rows taken out: row %d of column %d is %v, want %v", c, k, c.Column(i), y, want[k])
			}
		}
	}
}

// TestColumnsHigh has a second element that is too high for a row, and a first one that is about as far
// below as kernels take for near.
func TestColumnsHigh(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		n := l.Columns()
		if n == 0 {
			t.Skip("no kernels for columns")
		}
		var c Columns
		var sums ColumnSums
		for _, scale := range []float32{1, 0.37} {
			s := MakeScale(scale)
			c.Reset(l, &sums, n, n, n)
			c.SetScale(&s, scale)
			for powers := float32(reach - 3); powers < reach+3; powers += 0.125 {
				src := make([]float32, 2*n)
				for i := range n {
					src[i], src[n+i] = s.High-powers*s.InvK, math.Nextafter32(s.High, inf)
				}
				if c.Begin(src) {
					if c.SumOnly(src, 2, n); c.Regular() {
						t.Errorf("scale %v: an element above the limit, %v powers of two above the first, is done", scale, powers)
					}
				}
			}
			if !c.Begin(make([]float32, n)) {
				t.Errorf("scale %v: 0 is refused", scale)
			}
		}
	})
}

// TestColumnsScale has factors for which magic + x*kHi may be 0, or whose elements may all be 0.
func TestColumnsScale(t *testing.T) {
	var c Columns
	for _, scale := range []float32{0x1p-60, 0x1p60, 0, 8 / log2eHi} {
		if s := MakeScale(scale); c.SetScale(&s, scale) {
			t.Errorf("%v is a scale for columns, kHi is %v", scale, s.KHi)
		}
	}
}

// TestColumnsLayout holds the offsets that the generator has, and that lines of the cache are whole.
func TestColumnsLayout(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("kernels for columns are of 64 bits")
	}
	var c Columns
	got := []uintptr{unsafe.Offsetof(c.headroom), unsafe.Offsetof(c.bits), unsafe.Offsetof(c.up), unsafe.Offsetof(c.width), unsafe.Offsetof(c.lanesAhead),
		unsafe.Offsetof(c.dstAhead), unsafe.Offsetof(c.sums), unsafe.Offsetof(c.table), unsafe.Offsetof(c.seen), unsafe.Offsetof(c.kHi), unsafe.Offsetof(c.magic),
		unsafe.Offsetof(c.cHi), unsafe.Offsetof(c.max), unsafe.Offsetof(c.rest), unsafe.Offsetof(c.high), unsafe.Sizeof(c) % 64, unsafe.Sizeof(*c.sums)}
	if want := []uintptr{12, 20, 32, 48, 64, 80, 96, 128, 192, 256, 256 + 1024, 256 + 3*512, 256 + 5*512, 256 + 7*512, 256 + 9*512, 0, 16 * 1536}; !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
}
