package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestSumTotals compares all fields with those of plain code, to the bit.
func TestSumTotals(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(22, 9))
		for n := 1; n <= 530; n++ {
			for class := range 6 {
				rows := 1 + r.IntN(4)
				stride := n + r.IntN(5)
				x := make([]float32, (rows-1)*stride+n)
				fill(r, class, x)
				scale := MakeScale([]float32{1, 0.37, 3}[r.IntN(3)])
				p, wantP := Rows{Scale: scale}, Rows{Scale: scale}
				got, want := make([]RowSum, rows), make([]RowSum, rows)
				wantDone := Plain.sumRows(x, rows, n, stride, want, &wantP, true)
				if done := l.SumTotals(x, rows, n, stride, got, &p); done != wantDone {
					t.Fatalf("%d rows of %d, class %d: did %d, want %d", rows, n, class, done, wantDone)
				}
				for i := range want[:wantDone] {
					if got[i] != want[i] {
						t.Fatalf("%d rows of %d, class %d: row %d is %+v, want %+v", rows, n, class, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// TestDivide has what Scale can't do.
func TestDivide(t *testing.T) {
	f := MakeFactor(3)
	x := []float32{3, -3, 0x1p100, -0x1.8p126, float32(math.Inf(1)), negInf, 0x1p-126, -0x1p-130, 0, 0x1p-20}
	want := []float32{1, -1, 0x1p100 / 3.0, -0x1p125, float32(math.Inf(1)), negInf, 0, 0, 0, 0x1p-20 / 3.0}
	y := make([]float32, len(x))
	f.Divide(y, x)
	sameSlice(t, fmt.Sprint("thirds of ", x), y, want)
	if f.Divide(y[:1], []float32{float32(math.NaN())}); math.Float32bits(y[0]) != 0x7fc00000 {
		t.Errorf("a third of NaN is %#08x", math.Float32bits(y[0]))
	}
}
