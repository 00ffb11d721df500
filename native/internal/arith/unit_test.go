package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestUnit holds in which range the exponential of the largest element is.
func TestUnit(t *testing.T) {
	for _, scale := range []float32{1, 0.37, 1e9, 13.87} {
		s := MakeScale(scale)
		for _, from := range []float32{-327_680, -300, 0, 320_000} {
			for i := range 30_000 {
				x := (from + float32(i)*0.11) / scale
				if e := s.Exp(x, s.Unit(x)); !(e >= 2.9 && e <= 6.4) {
					t.Fatalf("scale %v: the exponential of %v is %v, want 2.9 to 6.4", scale, x, e)
				}
			}
		}
	}
}

// TestDivideScale holds Divide to the bits of Scale, for elements of both signs.
func TestDivideScale(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 2))
	for range 300 {
		f := MakeFactor(1 + r.ExpFloat64()*10)
		x, minus, want, got := make([]float32, 64), make([]float32, 64), make([]float32, 64), make([]float32, 64)
		for i := range x {
			x[i] = f.Thr * float32(math.Exp2(r.Float64()*float64(3+i)))
			minus[i] = -x[i]
		}
		x[0], minus[0] = f.Thr, -f.Thr
		x[1], minus[1] = math.Nextafter32(f.Thr, 0), -math.Nextafter32(f.Thr, 0)
		scalePlain(want, x, &f)
		f.Divide(got, x)
		sameSlice(t, "divided", got, want)
		f.Divide(got, minus)
		for i := range want {
			if got[i] != -want[i] {
				t.Fatalf("%v divided is %v, want %v", minus[i], got[i], -want[i])
			}
		}
	}
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
