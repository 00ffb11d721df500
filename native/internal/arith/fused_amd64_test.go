//go:build !purego

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

// eachFusing runs a test at the levels with kernels that prepare rows.
func eachFusing(t *testing.T, f func(t *testing.T, l Level)) {
	for i, k := range wide {
		t.Run(k.name, func(t *testing.T) {
			if !k.supported {
				t.Skipf("this CPU has no %s", k.name)
			}
			f(t, []Level{AVX2, AVX512}[i])
		})
	}
}

// TestFused: rows that a kernel prepares have the bits of those that are prepared first, or are left alike.
func TestFused(t *testing.T) {
	eachFusing(t, func(t *testing.T, l Level) {
		if l.Fuses(7) || l.Fuses(Chunk+1) || !l.Fuses(8) || !l.Fuses(Chunk) {
			t.Fatal("rows of 8 elements to a chunk are for these kernels, no others")
		}
		r := rand.New(rand.NewPCG(9, 9))
		for _, n := range testLengths() {
			for rep := range 40 {
				if n >= 8 {
					testFused(t, r, l, n, rep)
				}
			}
		}
	})
}

// TestFusedEdges: kernels that prepare rows don't touch what lies around a mask.
func TestFusedEdges(t *testing.T) {
	const longest = 300
	src, add, mask := guarded.Pages[float32](t, longest), guarded.Pages[float32](t, longest), guarded.Pages[float32](t, longest)
	keep := unsafe.Slice((*bool)(unsafe.Pointer(&mask[0])), 4*len(mask))
	eachFusing(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(6, 6))
		for n := 8; n <= longest; n++ {
			for _, atEnd := range []bool{false, true} {
				x, a, k, dst := src[:n], add[:n], keep[:n], make([]float32, n)
				if atEnd {
					x, a, k = src[len(src)-n:], add[len(add)-n:], keep[len(keep)-n:]
				}
				for _, hidden := range []int{0, n - 1, n} {
					fill(r, 0, x)
					for i := range n {
						if k[i], a[i] = i >= hidden, 0; !k[i] {
							a[i] = negInf
						}
					}
					p := Rows{Scale: One}
					kept := l.SoftmaxKeptRows(dst, x, k, 1, n, n, n, n, &p)
					added := l.SoftmaxAddedRows(dst, x, a, 1, 1, n, n, n, n, &p)
					if want := min(1, n-hidden); kept != want || added != want {
						t.Fatalf("%d elements, %d hidden: %d and %d rows are done, want %d", n, hidden, kept, added, want)
					}
				}
			}
		}
	})
}

func testFused(t *testing.T, r *rand.Rand, l Level, n, rep int) {
	rows := 1 + r.IntN(3)
	srcStride, dstStride, otherStride := n+r.IntN(2)*r.IntN(9), n+r.IntN(2)*r.IntN(9), n+r.IntN(2)*r.IntN(9)
	if r.IntN(3) == 0 {
		otherStride = 0
	}
	x, intactX := framed((rows-1)*srcStride+n, rep%4)
	for i := range rows {
		fill(r, rep/2%classes, x[i*srcStride:][:n])
	}
	if rep > 30 {
		special(r, x)
	}
	p := Preparation{Mul: 1}
	rowsP := Rows{Scale: One}
	padding := r.IntN(2) * r.IntN(n+1) // hides all before it
	share := r.Float32()
	added := rep%2 > 0
	if added {
		p.Mul = []float32{1, 0.125, 3e38, -2, 0}[r.IntN(5)]
		p.Add, p.AddStride = slices.Repeat([]float32{nan}, (rows-1)*otherStride+n), otherStride
		for i := range rows {
			row := p.Add[i*otherStride:][:n]
			for k := range row {
				if row[k] = r.Float32()*20 - 10; k < padding || r.Float32() < share/4 {
					row[k] = []float32{negInf, -1e9, -math.MaxFloat32}[rep%3]
				}
			}
		}
	} else {
		rowsP.Scale = scales[r.IntN(len(scales))]
		all := slices.Repeat([]bool{true}, (rows-1)*otherStride+n+40)
		p.Keep, p.KeepStride = all[20:len(all)-20:len(all)-20], otherStride
		for i := range rows {
			row := p.Keep[i*otherStride:][:n]
			for k := range row {
				row[k] = k >= padding && r.Float32() >= share
			}
		}
	}
	what := fmt.Sprintf("%d rows of %d, added %v, case %d, padding %d", rows, n, added, rep, padding)
	z := make([]float32, rows*n)
	prepareRowsPlain(z, x, rows, n, n, srcStride, &p)

	for _, inPlace := range []bool{false, true} {
		dst, intact := framed((rows-1)*dstStride+n, rep%4)
		src, stride := x, dstStride
		for i := range dst {
			dst[i] = canary
		}
		if inPlace {
			dst, intact = framed(len(x), rep%4)
			copy(dst, x)
			src, stride = dst, srcStride
		}
		was := slices.Clone(dst)
		got := rowsP
		var done int
		if added {
			done = l.SoftmaxAddedRows(dst, src, p.Add, p.Mul, rows, n, stride, srcStride, otherStride, &got)
		} else {
			done = l.SoftmaxKeptRows(dst, src, p.Keep, rows, n, stride, srcStride, otherStride, &got)
		}
		for i := range rows {
			row := z[i*n:][:n]
			before, y := was[i*stride:][:n], slices.Clone(was[i*stride:][:n])
			want, look := rowsP, n
			if !added {
				look = 1 + max(0, slices.Index(p.Keep[i*otherStride:][:n], true))
			}
			regular := softmaxMaskedPlain(y, row, 1, n, n, n, &want, look) == 1
			what := fmt.Sprintf("%s, in place %v, row %d", what, inPlace, i)
			switch after := dst[i*stride:][:n]; {
			case i < done && !regular || i == done && regular:
				t.Fatalf("%s: regular: %v, but %d rows are done", what, regular, done)
			case i < done:
				sameSlice(t, what, after, y)
			case i > done:
				sameSlice(t, what+", not reached", after, before)
			case got.At != want.At:
				t.Fatalf("%s: At is %d, want %d", what, got.At, want.At)
			default:
				sameSlice(t, what+", begun", after, y)
				if got.At > 0 && got.N != want.N {
					t.Fatalf("%s: N is %v, want %v", what, got.N, want.N)
				}
			}
		}
		if !intactX() || !intact() {
			t.Fatalf("%s: written around the slices", what)
		}
	}
}

// TestSumStorePrepared compares with SumStore of what Prepare makes.
func TestSumStorePrepared(t *testing.T) {
	for _, l := range Levels() {
		if l == Plain {
			continue
		}
		r := rand.New(rand.NewPCG(17, uint64(l)))
		for rep := range 2000 {
			n := turn * (1 + r.IntN(1<<r.IntN(5)))
			x, intactX := framed(n, r.IntN(4))
			fill(r, rep%classes, x)
			if r.IntN(3) == 0 {
				special(r, x)
			}
			add, intactAdd := framed(n, r.IntN(4))
			bools := make([]bool, n+32)
			keep := bools[16 : 16+n : 16+n]
			for i := range keep {
				keep[i] = r.IntN(3) > 0
				if add[i] = r.Float32()*20 - 10; r.IntN(5) == 0 {
					add[i] = []float32{negInf, -1e9, -math.MaxFloat32}[rep%3]
				}
			}
			for i := range 16 { // around those that are asked for
				bools[i], bools[16+n+i] = rep%2 == 0, rep%2 == 0
			}
			p := Preparation{Mul: []float32{1, 0.125, -2, 0}[r.IntN(4)], Add: add}
			st := start(r, &One, x)
			added := rep%2 > 0
			if !added {
				p = Preparation{Mul: 1, Keep: keep}
				st = start(r, &scales[r.IntN(len(scales))], x)
			}
			st.Mul = p.Mul
			z := make([]float32, n)
			prepareRowsPlain(z, x, 1, n, n, n, &p)
			if slices.ContainsFunc(z, func(v float32) bool { return v != v }) && slices.ContainsFunc(z, func(v float32) bool { return v > st.Lim }) {
				continue // beside a NaN a kernel may see it or not
			}
			want, got := st, st
			y := slices.Repeat([]float32{canary}, n)
			wantDone := sumStorePlain(y, z, &want)
			for _, inPlace := range []bool{false, true} {
				dst, intact := framed(n, r.IntN(4))
				src := x
				copy(dst, slices.Repeat([]float32{canary}, n))
				if inPlace {
					copy(dst, x)
					src = dst
					copy(y[wantDone:], x[wantDone:])
				}
				var done int
				if got = st; added {
					done = l.SumStoreAdded(dst, src, add, &got)
				} else {
					done = l.SumStoreKept(dst, src, keep, &got)
				}
				what := fmt.Sprintf("level %v, %d elements, added %v, in place %v, case %d", l, n, added, inPlace, rep)
				if done != wantDone {
					t.Fatalf("%s: did %d, want %d", what, done, wantDone)
				}
				sameSlice(t, what, dst, y)
				got.Max = want.Max // which it leaves alone
				sameSum(t, what, &got, &want)
				if !intact() || !intactX() || !intactAdd() {
					t.Fatalf("%s: written around the slices", what)
				}
			}
		}
	}
}
