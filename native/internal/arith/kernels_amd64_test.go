//go:build !purego

package arith

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var assembly = slices.Concat(wide, []kernels{
	single(wide[0], softmaxRowAVX2, logRowAVX2, sureRowAVX2),
	single(wide[1], softmaxRowAVX512, logRowAVX512, sureRowAVX512),
})

var wide = []kernels{
	{"AVX2", slices.Contains(Levels(), AVX2), softmaxRowsAVX2, sumAVX2, sumStoreAVX2, scaleAVX2, scaleNTAVX2, expScaleAVX2, expScaleNTAVX2, logSubAVX2, sumRowsAVX2},
	{"AVX512", slices.Contains(Levels(), AVX512), softmaxRowsAVX512, sumAVX512, sumStoreAVX512, scaleAVX512, scaleNTAVX512, expScaleAVX512, expScaleNTAVX512, logSubAVX512, sumRowsAVX512},
}

type logRowFunc func(dst, src *float32, n int) (y float32, how uint8, largest float32)

type sureRowFunc func(src *float32, n int, s *Scale, out *RowSum) (how uint8)

// single is a level whose kernels for a single row are asked first, as the functions of a row do.
func single(k kernels, softmaxRow func(dst, src *float32, n int) bool, logRow logRowFunc, sureRow sureRowFunc) kernels {
	rows, sums := k.softmaxRows, k.sumRows
	k.name += " single"
	k.softmaxRows = func(dst, src []float32, n, cols, dstStride, srcStride int, p *Rows) (done int) {
		for ; done < n; done++ {
			d, s := dst[done*dstStride:], src[done*srcStride:]
			if p.Scale == One && softmaxRow(&d[0], &s[0], cols) {
				continue
			}
			if rows(d, s, 1, cols, dstStride, srcStride, p) == 0 {
				break
			}
		}
		return done
	}
	k.sumRows = func(src []float32, n, cols, srcStride int, out []RowSum, p *Rows) (done int) {
		for ; done < n; done++ {
			s := src[done*srcStride:]
			if p.Scale == One {
				var want [1]RowSum
				y, how, largest := logRow(nil, &s[0], cols)
				switch sure := (RowSum{Max: largest + 0}); {
				case how == RowDone && (sumRowsPlain(s, 1, cols, cols, want[:], p) < 1 || want[0].Sure() || y != float32(float64(want[0].Max)+want[0].Excess(1))):
					return done
				case how == RowDone:
					out[done] = want[0]
					continue
				case how == RowMayBeSure && sureRow(&s[0], cols, &p.Scale, &sure) == RowDone && sure.Rest < sure.Top*0.495:
					out[done] = sure
					continue
				}
			}
			if sums(s, 1, cols, srcStride, out[done:], p) == 0 {
				break
			}
		}
		return done
	}
	return k
}

// TestSingleRow: ordinary rows up to a turn are not left to the kernels of rows, and others are left
// as they were.
func TestSingleRow(t *testing.T) {
	softmax := []func(dst, src *float32, n int) bool{softmaxRowAVX2, softmaxRowAVX512}
	log := []logRowFunc{logRowAVX2, logRowAVX512}
	for i, k := range wide {
		t.Run(k.name, func(t *testing.T) {
			if !k.supported {
				t.Skipf("this CPU has no %s", k.name)
			}
			r := rand.New(rand.NewPCG(8, 8))
			for n := range 2*Turn + 20 {
				if n == 0 || n > Turn+20 && n < 2*Turn-2 {
					continue
				}
				x := make([]float32, n)
				fill(r, 0, x)
				dst, intact := framed(n, n%4)
				if ok := softmax[i](&dst[0], &x[0], n); ok != (n <= Turn || n == 2*Turn) {
					t.Errorf("softmax of %d elements: %v", n, ok)
				}
				for _, to := range []*float32{nil, &dst[0]} {
					if _, how, _ := log[i](to, &x[0], n); (how == RowLeft) != (n > Turn && n != 2*Turn) {
						t.Errorf("logarithms of %d elements: %d", n, how)
					}
					sure := slices.Clone(x)
					sure[r.IntN(n)] = 25
					if _, how, largest := log[i](to, &sure[0], n); (n <= Turn || n == 2*Turn) && (how != RowMayBeSure || largest != 25) {
						t.Errorf("logarithms of %d elements of which one is sure: %d with the largest element %v", n, how, largest)
					}
				}
				for _, v := range []float32{nan, inf, negInf, 300000, -300000, 70, -70} {
					dst := slices.Repeat([]float32{canary}, n)
					was := slices.Clone(x)
					was[n-1] = v
					if n > 1 && softmax[i](&dst[0], &was[0], n) {
						t.Errorf("softmax of %d elements with %v last was done", n, v)
					}
					if _, how, _ := log[i](&dst[0], &was[0], n); n > 1 && how == RowDone {
						t.Errorf("logarithms of %d elements with %v last were done", n, v)
					}
					sameSlice(t, "left alone", dst, slices.Repeat([]float32{canary}, n))
				}
				if !intact() {
					t.Fatalf("%d elements: written around the slice", n)
				}
			}
		})
	}
}

// TestOrdinary holds the kernels of ordinary rows to the definition's sum, and to what they take.
func TestOrdinary(t *testing.T) {
	totals := []func(src *float32, n int, s *Scale, out *Total) (float32, uint8){totalRowAVX2, totalRowAVX512}
	copies := []func(dst, src *float32, n int, s *Scale, scale float32, out *Total) (float32, uint8){copyRowAVX2, copyRowAVX512}
	for i, k := range wide {
		t.Run(k.name, func(t *testing.T) {
			if !k.supported {
				t.Skipf("this CPU has no %s", k.name)
			}
			r := rand.New(rand.NewPCG(9, 9))
			for _, n := range testLengths() {
				for rep := range classes + 8 {
					all := make([]float32, n+64)
					fill(r, 0, all) // what is read beyond the row shows
					x := all[16+n%4:][:n]
					class, change, p := rep, r.IntN(5), Rows{Scale: scales[r.IntN(len(scales))]}
					if rep >= classes { // ordinary ones, which have to be done
						class, change, p.Scale = 0, rep%min(4, n+1), scales[rep/4%2]
					}
					fill(r, class, x)
					switch change {
					case 0:
						x[r.IntN(n)] = 10
					case 1:
						x[r.IntN(n)] = negInf
					case 2: // not near
						x[n-1-r.IntN(max(1, n-1))] = -1e30
					case 4:
						x[r.IntN(n)] = nan
					}
					var want [1]RowSum
					regular := sumRowsPlain(x, 1, n, n, want[:], &p) == 1
					top, rest := want[0].Top, want[0].Rest
					var total, copied Total
					dst, intact := framed(n, (n+class)%4)
					y, how := totals[i](&x[0], n, &p.Scale, &total)
					excess, howCopied := copies[i](&dst[0], &x[0], n, &p.Scale, 1, &copied)
					ok := how != RowLeft
					if (howCopied != RowLeft) != ok || total.n != copied.n || total.total != copied.total {
						t.Fatalf("class %d, %d elements: the total is %v, %+v; with a copy %+v", class, n, ok, total, copied)
					}
					if ok && (total.total == 0 || top > (top+rest)*0.667) {
						t.Errorf("class %d, %d elements: done, but the total is %v of which %v is the largest element", class, n, total.total, top)
					}
					if e := want[0].Excess(1); how == RowDone && p.Scale == One && y != float32(float64(want[0].Max)+e) ||
						howCopied == RowDone && p.Scale == One && excess != float32(e) {
						t.Errorf("class %d, %d elements: the logarithm is %v, with a copy %v more than the largest element, want %v more than %v", class, n, y, excess, e, want[0].Max)
					}
					if rep >= classes && regular && total.total == 0 {
						t.Errorf("an ordinary row of %d elements is not done", n)
					}
					if rep >= classes && n >= 192 && regular && !ok {
						t.Errorf("an ordinary row of %d elements is left, as one of them might have nearly all", n)
					}
					if total.total != 0 {
						if !regular || total.n != want[0].N || !(math.Abs(total.total-(top+rest)) <= 0x1p-48*(top+rest)) {
							t.Errorf("class %d, %d elements: the sum is %v * 2^%v, want %v * 2^%v", class, n, total.total, total.n, top+rest, want[0].N)
						}
						if copied.Max != want[0].Max {
							t.Errorf("class %d, %d elements: the largest is %v, want %v", class, n, copied.Max, want[0].Max)
						}
						sameSlice(t, "the copy", dst, x)
					}
					if !intact() {
						t.Fatalf("class %d, %d elements: written around the slice", class, n)
					}
				}
			}
		})
	}
}

// TestLastBit compares logarithms within kernels with the definition's, in so many rows that an error of 2^-36 would show.
func TestLastBit(t *testing.T) {
	rows := 1 << 20
	if testing.Short() {
		rows = 1 << 17
	}
	logs := []logRowFunc{logRowAVX2, logRowAVX512}
	totals := []func(src *float32, n int, s *Scale, out *Total) (float32, uint8){totalRowAVX2, totalRowAVX512}
	copies := []func(dst, src *float32, n int, s *Scale, scale float32, out *Total) (float32, uint8){copyRowAVX2, copyRowAVX512}
	for i, k := range wide {
		t.Run(k.name, func(t *testing.T) {
			if !k.supported {
				t.Skipf("this CPU has no %s", k.name)
			}
			r := rand.New(rand.NewPCG(10, 10))
			uncertain := 0
			for range rows {
				n := 2 + r.IntN(15)
				x, dst, copied := make([]float32, 16), make([]float32, 16), make([]float32, 16)
				middle, width := (r.Float32()*2-1)*300, r.Float32()*4
				if r.IntN(2) == 0 {
					middle /= 64
				}
				for i := range x[:n] {
					x[i] = middle + (r.Float32()*2-1)*width
				}
				p := Rows{Scale: One}
				var sum [1]RowSum
				if k.sumRows(x[:n], 1, n, n, sum[:], &p) != 1 || sum[0].Sure() {
					continue
				}
				m, excess := sum[0].Max, sum[0].Excess(1)
				if excess < 0.43 { // a row that may be sure
					continue
				}
				want := float32(float64(m) + excess)
				check := func(what string, got, want float32, how uint8) {
					switch {
					case how == RowDone && got != want:
						t.Errorf("%s of %v: %v, want %v", what, x[:n], got, want)
					case how != RowDone:
						uncertain++
					}
				}
				if y, how, _ := logs[i](nil, &x[0], n); how == RowDone || max(x[0], -x[0]) <= 256 {
					check("log-sum-exp", y, want, how)
				}
				var total Total
				if y, how := totals[i](&x[0], n, &One, &total); how != RowLeft {
					check("total", y, want, how)
				}
				if y, how := copies[i](&copied[0], &x[0], n, &One, 1, &total); how != RowLeft {
					check("total with copy", y, float32(excess), how)
				}
				if _, how, _ := logs[i](&dst[0], &x[0], n); how == RowDone {
					for j, v := range x[:n] {
						check("log-softmax", dst[j], v-m-float32(excess), how)
					}
				}
			}
			if uncertain > rows/1000 {
				t.Errorf("of %d logarithms %d are left", 3*rows, uncertain)
			}
		})
	}
}
