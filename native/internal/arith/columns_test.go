package arith

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestColumns compares with the plain kernel of rows: all lengths of up to three groups, some elements
// that are not near, with gaps, and in place.
func TestColumns(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		n := l.Columns()
		if n == 0 {
			t.Skip("no kernel for columns")
		}
		r := rand.New(rand.NewPCG(22, 8))
		done, refused := 0, 0
		var c Columns
		for _, scale := range []float32{1, 0.37, 3, 1e-9} {
			s := MakeScale(scale)
			if !c.Reset(&s) {
				t.Fatalf("%v is no scale for columns", scale)
			}
			for rows := 1; rows <= 3*64+1; rows++ {
				cols := n * (1 + r.IntN(8))
				srcStride, dstStride := cols+r.IntN(20), cols+r.IntN(20)
				src := make([]float32, (rows-1)*srcStride+cols)
				for i := range src {
					src[i] = float32((r.NormFloat64()*3 + 20) / float64(scale))
				}
				if r.IntN(4) == 0 {
					src[r.IntN(len(src))] = specials[r.IntN(len(specials))]
				}
				want := make([]float32, (rows-1)*dstStride+cols)
				row, y, regular := make([]float32, rows), make([]float32, rows), true
				for j := range cols {
					for i := range row {
						row[i] = src[i*srcStride+j]
					}
					regular = regular && softmaxRowsPlain(y, row, 1, rows, rows, rows, &Rows{Scale: s}) == 1
					for i := range row {
						want[i*dstStride+j] = y[i]
					}
				}
				dst, intact := around[float32](len(want), r.IntN(5), 0)
				before := slices.Clone(dst)
				ok := l.SoftmaxColumns(dst, src, make([]float32, rows*cols), rows, cols, dstStride, srcStride, &c)
				switch {
				case ok && !regular:
					t.Fatalf("scale %v, %d x %d: columns that are not regular are done", scale, rows, cols)
				case ok:
					sameSlice(t, "columns", dst, want)
					done++
				default:
					sameSlice(t, "columns that are refused", dst, before)
					refused++
				}
				if !intact() {
					t.Fatal("written around dst")
				}
				if ok {
					l.SoftmaxColumns(src, src, make([]float32, rows*cols), rows, cols, srcStride, srcStride, &c)
					for i := range rows {
						sameSlice(t, "columns in place", src[i*srcStride:][:cols], want[i*dstStride:][:cols])
					}
				}
			}
		}
		if done < 400 || refused < 40 {
			t.Errorf("%d matrices were done, and %d refused: too few", done, refused)
		}
	})
}

// TestColumnsScale has factors for which magic + x*kHi may be 0, or whose elements may all be 0.
func TestColumnsScale(t *testing.T) {
	var c Columns
	for _, scale := range []float32{0x1p-60, 0x1p60, 0, 8 / log2eHi} {
		if s := MakeScale(scale); c.Reset(&s) {
			t.Errorf("%v is a scale for columns, kHi is %v", scale, s.KHi)
		}
	}
}

// TestColumnsLayout holds the offsets that the generator has.
func TestColumnsLayout(t *testing.T) {
	var c Columns
	got := []uintptr{unsafe.Offsetof(c.kHi), unsafe.Offsetof(c.integer), unsafe.Offsetof(c.bits), unsafe.Offsetof(c.up), unsafe.Offsetof(c.width), unsafe.Offsetof(c.table),
		unsafe.Offsetof(c.magic), unsafe.Offsetof(c.cHi), unsafe.Offsetof(c.cLo), unsafe.Offsetof(c.sums), unsafe.Sizeof(c.sums)}
	if want := []uintptr{0, 24, 28, 40, 56, 64, 128, 128 + 512, 128 + 1024, 128 + 1536, 16 * 1024}; unsafe.Sizeof(uintptr(0)) == 8 && !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
}
