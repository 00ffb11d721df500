package arith

import (
	"math"
	"testing"
)

// TestScale holds the numbers that the definition derives from a scale: its product with log2(e),
// N, and the limits of elements.
func TestScale(t *testing.T) {
	const far, huge = 1 << 18, 5 << 16 // of the definition, 9 and 17
	near := func(got, want float64) bool { return math.Abs(got-want) <= 0x1p-22*math.Abs(want) }
	for _, scale := range []float32{1, 0.125, 0.7, 3, 1e-13, 1e13, 1e-40} {
		s, k := MakeScale(scale), float64(scale)*math.Log2E
		if s.KHi != float32(k) || math.Abs(float64(s.KHi)+float64(s.KLo)-k) > 0x1p-47*k+0x1p-149 {
			t.Errorf("scale %v: %v + %v, want %v", scale, s.KHi, s.KLo, k)
		}
		high := float32(min(far/float64(scale), math.MaxFloat32))
		if s.High != high || s.Low != -high {
			t.Errorf("scale %v: elements from %v to %v, want %v of both signs", scale, s.Low, s.High, high)
		}
		if got, want := Limit(scale), float32(min(huge/float64(scale), math.MaxFloat32)); got != want {
			t.Errorf("scale %v: limit %v, want %v", scale, got, want)
		}
		if scale < 1e-38 {
			continue
		}
		if !near(float64(s.InvK), 1/k) {
			t.Errorf("scale %v: InvK is %v, want %v", scale, s.InvK, 1/k)
		}
		for _, powers := range []float64{0, 1.25, -1.25, 100.25, -100.25, 300000.25, -300000.25} {
			x := float32(powers / k)
			round := float32(math.Round(powers))
			limit := (float64(round) - 24 + 84) / k
			n, lim, ok := s.Guess(x)
			if n != round-24 || !near(float64(lim), min(limit, float64(high))) || !ok {
				t.Errorf("scale %v: of %v N is %v, limit %v, %v; want %v, %v", scale, x, n, lim, ok, round-24, limit)
			}
			for _, most := range []float32{high, float32(limit / 2), float32(limit * 2)} {
				if n, lim := s.Within(x, most); n != round-24 || !near(float64(lim), min(limit, float64(most))) {
					t.Errorf("scale %v: of at most %v N is %v, limit %v; want %v, %v, at most %v", scale, x, n, lim, round-24, limit, most)
				}
			}
			if n := s.Below(x); n != round-100 {
				t.Errorf("scale %v: N below %v is %v, want %v", scale, x, n, round-100)
			}
		}
		for x, want := range map[float32]bool{high: true, -high: true, math.Nextafter32(high, inf): false, math.Nextafter32(-high, negInf): false, inf: false, negInf: false, nan: false} {
			if _, _, ok := s.Guess(x); ok != want {
				t.Errorf("scale %v: %v may be the first: %v, want %v", scale, x, ok, want)
			}
		}
	}
}
