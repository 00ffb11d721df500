package native

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExp holds the error of exp.
func TestExp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1 << 20 {
		x := math.Ln2/2 - r.ExpFloat64()*20
		if got, want := exp(x), math.Exp(x); !(math.Abs(got-want) <= 0x1p-41*want) {
			t.Fatalf("exp(%v) is %v, want %v", x, got, want)
		}
	}
	if got := exp(0); got != 1 {
		t.Errorf("exp(0) is %v", got)
	}
	for _, x := range []float64{-709, -1e300, math.Inf(-1)} {
		if got := exp(x); got != 0 {
			t.Errorf("exp(%v) is %v", x, got)
		}
	}
}

// TestLog holds the error of log.
func TestLog(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	check := func(x float64) {
		if got, want := log(x), math.Log(x); !(math.Abs(got-want) <= 0x1p-38) {
			t.Fatalf("log(%v) is %v, want %v", x, got, want)
		}
	}
	for range 1 << 20 {
		check(1 + r.ExpFloat64())
		check(math.Exp(r.NormFloat64() * 30))
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
}
