package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
)

// kernels are those of a level.
type kernels struct {
	name        string
	supported   bool
	softmaxRows func(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) int
	sum         func(src []float32, st *Sum) int
	sumStore    func(dst, src []float32, st *Sum) int
	scale       func(dst, src []float32, f *Factor)
	scaleNT     func(dst, src []float32, f *Factor)
	expScale    func(dst, src []float32, st *Sum, f *Factor)
	expScaleNT  func(dst, src []float32, st *Sum, f *Factor)
	logSub      func(dst, src []float32, m, scale, b float32)
	sumRows     func(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) int
}

// eachLevel runs a test for each level in assembly.
func eachLevel(t *testing.T, test func(t *testing.T, k kernels)) {
	for _, k := range assembly {
		t.Run(k.name, func(t *testing.T) {
			if !k.supported {
				t.Skipf("this CPU has no %s", k.name)
			}
			test(t, k)
		})
	}
}

// putOffMost is the longest row whose second pass kernels put off until the next row has been read.
const putOffMost = 2048

// shortest are the lengths at which short tests, which are for emulators, compare everything: a turn
// and a row of lanes.
const shortest = turn + lanes

// testLengths are the lengths at which kernels are compared.
func testLengths() (ns []int) {
	for n := 1; n <= 600; n++ {
		ns = append(ns, n)
	}
	if testing.Short() {
		return append(ns[:shortest:shortest], 192, 255, 256, 257, 300, 511, 512, 513, 1000)
	}
	return append(ns, putOffMost, putOffMost+1, Chunk-1, Chunk)
}

// specials are elements that don't come up by themselves.
var (
	nan      = float32(math.NaN())
	inf      = float32(math.Inf(1))
	specials = []float32{negInf, nan, inf, 0, float32(math.Copysign(0, -1)), 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32,
		Far, -Far, Huge, -Huge, 87.3, -87.3, 60 * ln2, 100, -100, 41.5, 42, 58.2, 60}
)

// fill makes elements of one of several classes.
func fill(r *rand.Rand, class int, x []float32) {
	spread := r.Float32() * 128
	for i := range x {
		switch class {
		case 0: // ordinary
			x[i] = r.Float32()*20 - 10
		case 1: // spread beyond what is cut off
			x[i] = r.Float32()*200 - 170
		case 2: // any order of size
			x[i] = float32(math.Ldexp(float64(r.Float32()*2-1), r.IntN(50)-30))
		case 3: // masked
			if x[i] = r.Float32() * 5; r.IntN(3) == 0 {
				x[i] = negInf
			}
		case 4: // around some large number
			x[i] = 200000 + r.Float32()*50
		case 5: // where elements cease to be near the first, and about there
			x[i] = 3
			if i > 0 {
				powers := []float32{-69, -45, 0, 59, 59.9}[r.IntN(5)] + float32(r.IntN(17)-8)/16
				x[i] += float32(powers*ln2) / []float32{1, 0.125, 3, 0.0883883, 0.6931472}[r.IntN(5)]
			}
		case 6: // from the least that are near the first up to some largest one
			if x[i] = 3; i > 0 {
				x[i] += ln2 * (r.Float32()*spread - 68.9)
			}
		case tiny: // denormal, or so small that what is made of them is, near 0 or not
			x[i] = float32(math.Ldexp(float64(r.Float32()*2-1), r.IntN(60)-150))
			if r.IntN(8) == 0 {
				x[i] -= r.Float32() * 100
			}
		}
	}
}

const (
	tiny    = 7 // the class of elements about the denormal ones
	classes = 8
)

// special puts one to three of the specials anywhere.
func special(r *rand.Rand, x []float32) {
	for range 1 + r.IntN(3) {
		x[r.IntN(len(x))] = specials[r.IntN(len(specials))]
	}
}

// unhide takes the elements above lim away if there is a NaN, beside which a kernel may
// see them or not.
func unhide(x []float32, lim float32) {
	if slices.ContainsFunc(x, func(v float32) bool { return v != v }) {
		for i, v := range x {
			if v > lim {
				x[i] = lim
			}
		}
	}
}

// scales are used in turn.
var scales = []Scale{One, MakeScale(0.125), MakeScale(3), MakeScale(0.0883883), One, MakeScale(0.6931472), MakeScale(1e-13), MakeScale(1e13)}

// same compares bits; a NaN is like any other.
func same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

func sameSlice(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("%s: element %d of %d is %v (%#08x), want %v (%#08x)", what, i, len(want), got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// sameSum compares sums. Max may lack a NaN, and zeros are alike.
func sameSum(t *testing.T, what string, got, want *Sum) {
	t.Helper()
	sameSlice(t, what+": S", got.S[:], want.S[:])
	sameSlice(t, what+": R", got.R[:], want.R[:])
	for l := range want.Max {
		// One side may have let a NaN go, or kept it.
		if g, w := got.Max[l], want.Max[l]; g == g && w == w && g != w {
			t.Fatalf("%s: Max[%d] is %v, want %v", what, l, g, w)
		}
	}
}

// canary is what lies around a slice under test.
var canary = math.Float32frombits(0x7fc12345)

// framed is a slice of n elements, off elements past a multiple of 64 bytes, within
// canaries; the function tells whether they are there still.
func framed(n, off int) (x []float32, intact func() bool) {
	const pad = 64
	all := make([]float32, n+off+2*pad+16)
	for i := range all {
		all[i] = canary
	}
	first := pad
	for addr(all[first:])%64 != 0 {
		first++
	}
	first += off
	x = all[first : first+n : first+n]
	return x, func() bool {
		for i, v := range all {
			if (i < first || i >= first+n) && math.Float32bits(v) != math.Float32bits(canary) {
				return false
			}
		}
		return true
	}
}

// start is an empty sum for elements like x.
func start(r *rand.Rand, s *Scale, x []float32) (st Sum) {
	st.KHi, st.KLo = s.KHi, s.KLo
	st.Reset()
	n, lim, ok := s.Guess(x[0])
	if !ok {
		n, lim, _ = s.Guess(0)
	}
	st.N, st.Lim = n, lim
	if r.IntN(3) == 0 { // one that has begun
		for l := range st.S {
			st.S[l], st.R[l], st.Max[l] = r.Float32()*1e9, r.Float32()*10, r.Float32()
		}
	}
	return st
}

// draw is n elements of a class, some of them special in later cases, and a sum for them.
func draw(r *rand.Rand, n, rep int) (s *Scale, x []float32, intact func() bool, st Sum) {
	s = &scales[r.IntN(len(scales))]
	x, intact = framed(n, rep%4)
	fill(r, rep%classes, x)
	if rep > 5 {
		special(r, x)
	}
	return s, x, intact, start(r, s, x)
}

// drawRows is the shape of a matrix with n columns, of two rows if there are more than many.
func drawRows(r *rand.Rand, n, many int) (rows, srcStride, dstStride int, p Rows) {
	rows = 1 + r.IntN(4)
	if n > many {
		rows = 2
	}
	p.Scale = scales[r.IntN(len(scales))]
	return rows, n + r.IntN(2)*r.IntN(20), n + r.IntN(2)*r.IntN(20), p
}

func TestSum(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, n := range testLengths() {
			for rep := range 12 {
				_, x, intactX, st := draw(r, n, rep)
				unhide(x, st.Lim)
				what := fmt.Sprintf("n=%d, case %d", n, rep)

				want, wantDst := st, make([]float32, n)
				wantDone := sumStorePlain(wantDst, x, &want)

				got := st
				if done := k.sum(x, &got); done != wantDone {
					t.Fatalf("%s: sum did %d, want %d", what, done, wantDone)
				}
				sameSum(t, what+": sum", &got, &want)

				got = st
				dst, intactDst := framed(n, rep/4%4)
				before := slices.Clone(dst)
				if done := k.sumStore(dst, x, &got); done != wantDone {
					t.Fatalf("%s: sumStore did %d, want %d", what, done, wantDone)
				}
				wantStored := want
				wantStored.Max = st.Max // which it leaves alone
				sameSum(t, what+": sumStore", &got, &wantStored)
				sameSlice(t, what+": sumStore", dst[:wantDone], wantDst[:wantDone])
				sameBits(t, what+": beyond the turn it stopped before", dst[wantDone:], before[wantDone:])

				got = st
				before = slices.Clone(x)
				if done := k.sumStore(x, x, &got); done != wantDone {
					t.Fatalf("%s: sumStore in place did %d, want %d", what, done, wantDone)
				}
				sameSum(t, what+": sumStore in place", &got, &wantStored)
				sameSlice(t, what+": sumStore in place", x[:wantDone], wantDst[:wantDone])
				sameBits(t, what+": in place beyond the turn it stopped before", x[wantDone:], before[wantDone:])
				if !intactX() || !intactDst() {
					t.Fatalf("%s: written around the slices", what)
				}
			}
		}
	})
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d has become %v", what, i, got[i])
		}
	}
}

// TestSumStops puts an element above the limit, or at it, at each position.
func TestSumStops(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, n := range []int{1, 7, 16, 17, 100, 128, 129, 300, 411} {
			for i := range n {
				for _, v := range []float32{0, 1, 1e30, inf} {
					x := make([]float32, n)
					fill(r, 0, x)
					x[0] = 1
					st := start(r, &One, x)
					if x[i] = st.Lim + v; v == 1 {
						x[i] = math.Nextafter32(st.Lim, inf)
					}
					want := n
					if v > 0 {
						want = i / Turn * Turn
					}
					dst := make([]float32, n)
					s1, s2, s3 := st, st, st
					if sumPlain(x, &s3) != want {
						t.Fatal("plain")
					}
					if d1, d2 := k.sum(x, &s1), k.sumStore(dst, x, &s2); d1 != want || d2 != want {
						t.Fatalf("n=%d, %v at %d: did %d and %d, want %d", n, x[i], i, d1, d2, want)
					}
					sameSum(t, "sum", &s1, &s3)
					s3.Max = st.Max
					sameSum(t, "sumStore", &s2, &s3)
				}
			}
		}
	})
}

func TestSecondPass(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(3, 3))
		for _, n := range testLengths() {
			for rep := range 10 {
				s, x, intactX, st := draw(r, n, rep)
				for i := range x {
					if x[i] > st.Lim { // is of another segment
						x[i] = st.Lim
					}
				}
				f := MakeFactor(math.Ldexp(1+r.Float64(), int(r.IntN(120))-20))
				e := make([]float32, n)
				for i := range e {
					e[i] = s.Exp(x[i], st.N)
					if r.IntN(40) == 0 {
						e[i] = f.Thr
					} else if r.IntN(40) == 0 {
						e[i] = math.Nextafter32(f.Thr, 0)
					}
				}
				m, b, scale := r.Float32(), r.Float32()*5, r.Float32()+0.5
				if r.IntN(10) == 0 {
					b = 0
				}
				if rep%classes == tiny {
					m, b = 0, 0 // and so results are denormal too
				}
				for _, c := range []struct {
					name      string
					src       []float32
					got, want func(dst, src []float32)
				}{
					{"scale", e, func(dst, src []float32) { k.scale(dst, src, &f) }, func(dst, src []float32) { scalePlain(dst, src, &f) }},
					{"scaleNT", e, func(dst, src []float32) { k.scaleNT(dst, src, &f) }, func(dst, src []float32) { scalePlain(dst, src, &f) }},
					{"expScale", x, func(dst, src []float32) { k.expScale(dst, src, &st, &f) }, func(dst, src []float32) { expScalePlain(dst, src, &st, &f) }},
					{"expScaleNT", x, func(dst, src []float32) { k.expScaleNT(dst, src, &st, &f) }, func(dst, src []float32) { expScalePlain(dst, src, &st, &f) }},
					{"logSub", x, func(dst, src []float32) { k.logSub(dst, src, m, scale, b) }, func(dst, src []float32) { logSubPlain(dst, src, m, scale, b) }},
				} {
					what := fmt.Sprintf("%s, n=%d, case %d", c.name, n, rep)
					want := make([]float32, n)
					c.want(want, c.src)
					dst, intact := framed(n, rep/4%4)
					c.got(dst, c.src)
					sameSlice(t, what, dst, want)
					in, intactIn := framed(n, rep%4)
					copy(in, c.src)
					c.got(in, in)
					sameSlice(t, what+", in place", in, want)
					if !intact() || !intactIn() || !intactX() {
						t.Fatalf("%s: written around the slices", what)
					}
				}
			}
		}
	})
}

func TestSoftmaxRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(4, 4))
		for _, n := range testLengths() {
			for rep := range 16 {
				rows, srcStride, dstStride, p := drawRows(r, n, 3000)
				x, intactX := framed((rows-1)*srcStride+n, rep%4)
				for i := range rows {
					row := x[i*srcStride:][:n]
					fill(r, rep%classes, row)
					if row[0] == negInf {
						row[0] = 0
					}
					if rep > 8 && r.IntN(2) == 0 {
						special(r, row)
					}
					if _, lim, ok := p.Guess(row[0]); ok {
						unhide(row, lim)
					}
				}
				what := fmt.Sprintf("%d rows of %d, case %d", rows, n, rep)
				wantP, want := p, slices.Repeat([]float32{canary}, (rows-1)*dstStride+n)
				wantDone := softmaxRowsPlain(want, x, rows, n, dstStride, srcStride, &wantP)

				check := func(what string, done int, p *Rows, got, want []float32) {
					t.Helper()
					if done != wantDone {
						t.Fatalf("%s: did %d, want %d", what, done, wantDone)
					}
					if p.before != 0 {
						t.Fatalf("%s: a row's second pass is put off still", what)
					}
					if done < rows {
						if p.At != wantP.At {
							t.Fatalf("%s: At is %d, want %d", what, p.At, wantP.At)
						}
						if v := x[done*srcStride]; p.Low <= v && v <= p.High && p.N != wantP.N {
							t.Fatalf("%s: N is %v, want %v", what, p.N, wantP.N)
						}
					}
					sameSlice(t, what, got, want)
				}
				dst, intactDst := framed(len(want), rep/4%4)
				gotP := p
				done := k.softmaxRows(dst, x, rows, n, dstStride, srcStride, &gotP)
				check(what, done, &gotP, dst, want)

				// In place, with the stride of the source.
				in, intactIn := framed(len(x), rep%4)
				copy(in, x)
				wantIn := slices.Clone(x)
				softmaxRowsPlain(wantIn, wantIn, rows, n, srcStride, srcStride, &wantP)
				gotP = p
				done = k.softmaxRows(in, in, rows, n, srcStride, srcStride, &gotP)
				check(what+", in place", done, &gotP, in, wantIn)
				if !intactX() || !intactDst() || !intactIn() {
					t.Fatalf("%s: written around the slices", what)
				}
			}
		}
	})
}

// TestZero has an element for which the sum that shows whether elements are near is 0, of
// a factor log2(e)*scale of few bits, beside ordinary ones.
func TestZero(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		for _, kHi := range []float32{1, 1.5, 0.25} {
			s := Scale{KHi: kHi, InvK: 1 / kHi, Low: -Far, High: Far}
			x := make([]float32, 256)
			n, lim, _ := s.Guess(0)
			x[7] = -(1<<20 + 45 - n) / kHi // of which the bits look like those of the lowest near one
			want, got := make([]float32, len(x)), make([]float32, len(x))
			st := Sum{KHi: kHi, N: n, Lim: lim}
			sumStorePlain(want, x, &st)
			st = Sum{KHi: kHi, N: n, Lim: lim}
			k.sumStore(got, x, &st)
			sameSlice(t, fmt.Sprintf("kHi=%v", kHi), got, want)
		}
	})
}

// TestEdges has slices that begin and end where pages do that can't be touched.
func TestEdges(t *testing.T) {
	const longest = 700
	src, dst := guarded.Pages[float32](t, longest), guarded.Pages[float32](t, longest)
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(6, 6))
		for n := 1; n <= longest; n++ {
			if testing.Short() && n > shortest && n%lanes > 1 {
				continue
			}
			for place := range 4 {
				part := func(page []float32, atEnd bool) []float32 {
					if atEnd {
						return page[len(page)-n:]
					}
					return page[:n]
				}
				x, y := part(src, place&1 > 0), part(dst, place&2 > 0)
				fill(r, n%classes, x)
				st := start(r, &One, x)
				f := MakeFactor(1e9)
				k.sum(x, &st)
				k.sumStore(y, x, &st)
				k.scale(y, x, &f)
				k.scaleNT(y, x, &f)
				k.expScale(y, x, &st, &f)
				k.expScaleNT(y, x, &st, &f)
				k.logSub(y, x, 1, 1, 1)
				p := Rows{Scale: One}
				k.softmaxRows(y, x, 1, n, n, n, &p)
				var sums [1]RowSum
				k.sumRows(x, 1, n, n, sums[:], &p)
				x[0] += 20 // and a second sum
				k.sumRows(x, 1, n, n, sums[:], &p)
			}
		}
	})
}

// TestSoftmaxRowsStops has an irregular row, which each position makes so in turn.
func TestSoftmaxRowsStops(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(5, 5))
		for _, n := range []int{1, 5, 16, 30, 64, 100, 128, 129, 300, 411} {
			for i := range n {
				for _, v := range []float32{1000, nan, inf, -math.MaxFloat32, negInf, 300000} {
					x := make([]float32, 3*n)
					fill(r, 0, x)
					x[n+i] = v
					p := Rows{Scale: One}
					wantP := p
					want := slices.Clone(x)
					wantDone := softmaxRowsPlain(want, want, 3, n, n, n, &wantP)
					got := slices.Clone(x)
					if done := k.softmaxRows(got, got, 3, n, n, n, &p); done != wantDone || done < 3 && p.At != wantP.At {
						t.Fatalf("n=%d, %v at %d: did %d to %d, want %d to %d", n, v, i, done, p.At, wantDone, wantP.At)
					}
					sameSlice(t, fmt.Sprintf("n=%d, %v at %d", n, v, i), got, want)
				}
			}
		}
	})
}

// sameRowSum compares sums of rows, whose largest elements are never -0.
func sameRowSum(t *testing.T, what string, got, want []RowSum) {
	t.Helper()
	for i := range want {
		g, w := &got[i], &want[i]
		if math.Float32bits(g.N) != math.Float32bits(w.N) || math.Float32bits(g.Max) != math.Float32bits(w.Max) ||
			math.Float64bits(g.Top) != math.Float64bits(w.Top) || math.Float64bits(g.Rest) != math.Float64bits(w.Rest) {
			t.Fatalf("%s: row %d is %+v, want %+v", what, i, *g, *w)
		}
	}
}

// finish does the second sums of sure rows that the kernel left.
func finish(x []float32, n, stride int, sums []RowSum, p *Rows) {
	for i := range sums {
		if sums[i].Sure() {
			Plain.SumOthers(x[i*stride:][:n], &sums[i], &p.Scale)
		}
	}
}

// TestSoftmaxRowsFar: rows whose largest element is far above the first one. Products with the lower float of
// the factor may be denormal, and results 0, though all elements are near.
func TestSoftmaxRowsFar(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(9, 9))
		for _, n := range []int{2, 5, 16, 17, 32, 33, 48, 64, 70, 96, 100, 112, 128, 130, 256, 300} {
			for top := float32(20); top < 41.5; top += 0.25 {
				x := make([]float32, n)
				for i := range x[1:] {
					x[1+i] = -r.Float32() * 48
				}
				x[1+r.IntN(n-1)] = top
				p := Rows{Scale: One}
				wantP := p
				got, want := make([]float32, n), make([]float32, n)
				wantDone := softmaxRowsPlain(want, x, 1, n, n, n, &wantP)
				if done := k.softmaxRows(got, x, 1, n, n, n, &p); done != wantDone {
					t.Fatalf("n=%d, %v above the first: did %d, want %d", n, top, done, wantDone)
				}
				sameSlice(t, fmt.Sprintf("n=%d, %v above the first", n, top), got, want)
			}
		}
	})
}

func TestSumRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(6, 6))
		for _, n := range testLengths() {
			for rep := range 16 {
				rows := 1 + r.IntN(4)
				if n > 1000 {
					rows = 2
				}
				p := Rows{Scale: scales[r.IntN(len(scales))]}
				stride := n + r.IntN(2)*r.IntN(20)
				x, intact := framed((rows-1)*stride+n, rep%4)
				for i := range rows {
					row := x[i*stride:][:n]
					fill(r, rep%classes, row)
					if row[0] == negInf {
						row[0] = 0
					}
					switch {
					case rep > 8 && r.IntN(2) == 0:
						special(r, row)
					case r.IntN(3) == 0: // the largest element more than once
						row[r.IntN(n)] = slices.Max(row)
						row[r.IntN(n)] = slices.Max(row)
					}
				}
				what := fmt.Sprintf("%d rows of %d, case %d", rows, n, rep)
				want, got := make([]RowSum, rows), make([]RowSum, rows)
				wantDone := sumRowsPlain(x, rows, n, stride, want, &p)
				before := p
				if done := k.sumRows(x, rows, n, stride, got, &p); done != wantDone {
					t.Fatalf("%s: did %d, want %d", what, done, wantDone)
				}
				finish(x, n, stride, want[:wantDone], &p)
				finish(x, n, stride, got[:wantDone], &p)
				sameRowSum(t, what, got[:wantDone], want[:wantDone])
				if p != before || !intact() {
					t.Fatalf("%s: written elsewhere", what)
				}
			}
		}
	})
}

// TestSumRowsStops has an irregular row, or one with a second large element, which each
// position makes so in turn.
func TestSumRowsStops(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(7, 7))
		for _, n := range []int{1, 5, 16, 30, 64, 100, 128, 129, 200, 256, 257, 300, 411} {
			for i := range n {
				for _, v := range []float32{1000, nan, inf, -math.MaxFloat32, negInf, 300000, 10, 20, float32(math.Copysign(0, -1))} {
					x := make([]float32, 3*n)
					fill(r, 0, x)
					if v == 0 {
						for i := range x {
							x[i] = min(x[i], v)
						}
					}
					x[n+i] = v
					x[2*n+i] = 10 // twice the largest, perhaps
					p := Rows{Scale: One}
					want, got := make([]RowSum, 3), make([]RowSum, 3)
					wantDone := sumRowsPlain(x, 3, n, n, want, &p)
					if done := k.sumRows(x, 3, n, n, got, &p); done != wantDone {
						t.Fatalf("n=%d, %v at %d: did %d, want %d", n, v, i, done, wantDone)
					}
					finish(x, n, n, want[:wantDone], &p)
					finish(x, n, n, got[:wantDone], &p)
					sameRowSum(t, fmt.Sprintf("n=%d, %v at %d", n, v, i), got[:wantDone], want[:wantDone])
				}
			}
		}
	})
}

func addr(x []float32) uintptr { return uintptr(unsafe.Pointer(&x[0])) }

// TestScalef has rows for the loop with VSCALEFPS among others: N on both sides of where that ends, elements
// on both sides of where they are near, and elements far below, for which the sum with the magic number has
// only bits that those of near ones have: such an element shows nowhere, and its exponential is 0.
func TestScalef(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		r := rand.New(rand.NewPCG(12, 12))
		for _, scale := range scales {
			kHi := float64(scale.KHi)
			for _, power := range []float64{0, 24, -24, -71.5, -72.5, -110, 119.5, 120.5, 160, 180} { // of the first element; N is 24 less
				for _, n := range []int{384, 400, 640} {
					for rep := range 16 {
						x := make([]float32, n)
						for i := range x {
							x[i] = float32((power + r.Float64()*40 - 20) / kHi)
						}
						x[0] = float32(power / kHi)
						at := 1 + r.IntN(n-1)
						below := math.Round(power) - 24 // N
						switch rep % 4 {
						case 1: // u is 2^k and a bit, where near ones are 2^20 and a bit
							u := math.Ldexp(1+float64(r.IntN(1024))/(1<<23), []int{-127, -60, 0, 1, 2, 3, 16, 17, 18, 19}[r.IntN(10)])
							x[at] = float32((u - 1<<20 - 45 + below) / kHi)
						case 2:
							x[at] = float32((below + []float64{-46, -45, -44, 82, 83, 84}[r.IntN(6)] + r.Float64()) / kHi)
						case 3:
							special(r, x[1:])
						}
						what := fmt.Sprintf("scale %v, first 2^%v, n=%d, case %d, x[%d]=%v", scale, power, n, rep, at, x[at])
						p, want := Rows{Scale: scale}, make([]float32, n)
						q, got := p, make([]float32, n)
						wantDone := softmaxRowsPlain(want, x, 1, n, n, n, &p)
						if done := k.softmaxRows(got, x, 1, n, n, n, &q); done != wantDone {
							t.Fatalf("%s: softmaxRows did %d, want %d", what, done, wantDone)
						}
						if wantDone == 1 {
							sameSlice(t, what, got, want)
						}
						st := start(r, &scale, x[:1])
						unhide(x, st.Lim)
						wantSum, gotSum := st, st
						wantSome := sumStorePlain(want, x, &wantSum)
						wantSum.Max = st.Max
						if some := k.sumStore(got, x, &gotSum); some != wantSome {
							t.Fatalf("%s: sumStore did %d, want %d", what, some, wantSome)
						}
						sameSum(t, what, &gotSum, &wantSum)
						sameSlice(t, what, got[:wantSome], want[:wantSome])
					}
				}
			}
		}
	})
}
