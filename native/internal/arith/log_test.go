package arith

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestExp64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1 << 18 {
		x := -r.ExpFloat64() * 20
		if got, want := Exp64(x), math.Exp(x); !(math.Abs(got-want) <= 0x1p-41*want) {
			t.Fatalf("Exp64(%v) is %v, want %v", x, got, want)
		}
	}
	if got := Exp64(0); got != 1 {
		t.Errorf("Exp64(0) is %v", got)
	}
	if got, want := Exp64(-708), math.Exp(-708); !(math.Abs(got-want) <= 0x1p-41*want) || Exp64(-708.0001) != 0 {
		t.Errorf("Exp64(-708) is %v, want %v, and below it is %v, want 0", got, want, Exp64(-708.0001))
	}
}

// TestScaleExp64 has exponents near N and far from it.
func TestScaleExp64(t *testing.T) {
	for _, scale := range []float32{1, 0.37, 1e9} {
		s := MakeScale(scale)
		for powers := float32(-300); powers < 300; powers += 7.3 {
			for _, n := range []float32{0, -500, 400, s.Unit(powers / scale)} {
				x := powers / scale
				want := factorK * math.Exp(float64(x)*float64(scale)-float64(n)*math.Ln2)
				if got := s.Exp64(x, n); !(math.Abs(got-want) <= 0x1p-20*want) {
					t.Errorf("scale %v: e^%v * 2^%v is %v, want %v", scale, x, -n, got, want)
				}
			}
		}
	}
}

// TestExcessHalf holds from which share on the rest alone decides: there N and the largest element,
// here two that are not of one sum, count for nothing.
func TestExcessHalf(t *testing.T) {
	const n, m = 10, 3
	if got, want := Excess(n, 2, math.Nextafter(1, 0), m, 1), math.Log1p(0.5); math.Abs(got-want) > 0x1p-40 {
		t.Errorf("of just less than half as much as the largest it is %v, want %v", got, want)
	}
	if got, want := Excess(n, 2, 1, m, 1), n*math.Ln2+math.Log(3)-m-logK; math.Abs(got-want) > 0x1p-40 {
		t.Errorf("of half as much as the largest it is %v, want %v", got, want)
	}
}

func TestLog(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	check := func(x float64) {
		if got, want := log(x), math.Log(x); !(math.Abs(got-want) <= 0x1p-44*max(1, math.Abs(want))) {
			t.Fatalf("log(%v) is %v, want %v", x, got, want)
		}
	}
	for range 1 << 18 {
		check(1 + r.ExpFloat64())
		check(math.Exp(r.NormFloat64() * 30))
		for _, x := range []float64{r.Float64(), r.ExpFloat64() * 0x1p-7, r.Float64() * 0x1p-40} {
			if got, want := log1p(min(x, 1)), math.Log1p(min(x, 1)); !(math.Abs(got-want) <= 0x1p-37*want) {
				t.Fatalf("log1p(%v) is %v, want %v", x, got, want)
			}
		}
	}
	// Both ends of each entry of the table.
	for i := range 64 {
		x := 1 + float64(i)/64
		check(x)
		check(math.Nextafter(x, 0))
	}
	if got := log(1); got != 0 {
		t.Errorf("log(1) is %v", got)
	}
	if got, want := log1p(0x1p-7), log(1+0x1p-7); got != want {
		t.Errorf("log1p(2^-7) is %v, and not log's %v", got, want)
	}
}

// TestOneLogarithm holds the float64 results, whose last bits float32 hides, on every platform.
func TestOneLogarithm(t *testing.T) {
	h := uint64(14695981039346656037)
	s := uint64(1)
	for i := range 50000 {
		s = s*6364136223846793005 + 1442695040888963407
		x := float64(s>>11)*0x1p-53 + 0x1p-60 // the product is exact
		e := int(s >> 5 % 60)
		big := math.Float64frombits(uint64(1023+e)<<52 | s>>12)
		for _, y := range []float64{log(big), log1p(x), log1p(x * math.Float64frombits(uint64(1023-e)<<52)), Exp64(float64(-x * 40)),
			Excess(float32(i%300-150), 1+x, float64(x*float64(i%7)), float32(i%90-40), 1+float32(i%5))} {
			h = (h ^ math.Float64bits(y)) * 1099511628211
		}
	}
	if want := uint64(0x7765c95c9ac5ce8a); h != want {
		t.Errorf("hash %#x, want %#x", h, want)
	}
}
