//go:build !purego

package arith

import (
	"math/rand/v2"
	"slices"
	"testing"
)

var assembly = slices.Concat(wide, []kernels{
	single(wide[0], softmaxRowAVX2, sumRowAVX2),
	single(wide[1], softmaxRowAVX512, sumRowAVX512),
})

var wide = []kernels{
	{"AVX2", slices.Contains(Levels(), AVX2), softmaxRowsAVX2, sumAVX2, sumStoreAVX2, scaleAVX2, scaleNTAVX2, expScaleAVX2, expScaleNTAVX2, logSubAVX2, sumRowsAVX2},
	{"AVX512", slices.Contains(Levels(), AVX512), softmaxRowsAVX512, sumAVX512, sumStoreAVX512, scaleAVX512, scaleNTAVX512, expScaleAVX512, expScaleNTAVX512, logSubAVX512, sumRowsAVX512},
}

// single is a level whose kernels for a single row are asked first, as the functions of a row do.
func single(k kernels, softmaxRow func(dst, src *float32, n int) bool, sumRow func(src *float32, n int, out *RowSum) bool) kernels {
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
			if p.Scale == One && sumRow(&s[0], cols, &out[done]) {
				continue
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
	sum := []func(src *float32, n int, out *RowSum) bool{sumRowAVX2, sumRowAVX512}
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
				var s RowSum
				if ok := softmax[i](&dst[0], &x[0], n); ok != (n <= Turn || n == 2*Turn) {
					t.Errorf("softmax of %d elements: %v", n, ok)
				}
				if ok := sum[i](&x[0], n, &s); ok != (n <= Turn) {
					t.Errorf("sum of %d elements: %v", n, ok)
				}
				for _, v := range []float32{nan, inf, negInf, 300000, -300000, 70, -70} {
					dst := slices.Repeat([]float32{canary}, n)
					was := slices.Clone(x)
					was[n-1] = v
					if n > 1 && softmax[i](&dst[0], &was[0], n) {
						t.Errorf("softmax of %d elements with %v last was done", n, v)
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
