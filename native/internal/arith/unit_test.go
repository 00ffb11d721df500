package arith

import (
	"fmt"
	"math"
	"testing"
)

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
