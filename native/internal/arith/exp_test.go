package arith

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
)

var exhaustive = flag.Bool("exhaustive", false, "TestExhaustive takes every f, for a minute or two, and not one of 64")

// TestExhaustive holds the errors of the exponential that docs/arithmetic.md relies on: for every
// number j of the table and every f that can come up, from the middle of K's table.
func TestExhaustive(t *testing.T) {
	step := uint32(64)
	if *exhaustive {
		step = 1
	}
	least, most, farLeast := 0.0, 0.0, 0.0
	const near = 0.0625 + 16384*log2eLo
	for w := math.Float32bits(0x1p-14); w <= math.Float32bits(0.0625+327680*log2eLo); w += step {
		for _, f := range []float32{math.Float32frombits(w), -math.Float32frombits(w)} {
			q := float32(f * fma(fma(exp3, f, exp2), f, exp1))
			z := float64(f) * math.Ln2
			p := 1 + z*(1+z/2*(1+z/3*(1+z/4*(1+z/5*(1+z/6*(1+z/7))))))
			for j := range table {
				s := math.Float32frombits(table[j] + uint32(j)<<20)
				e := (float64(fma(s, q, s))/(factorK*exactTable[j]*p) - 1) * 0x1p24
				farLeast, most = min(farLeast, e), max(most, e)
				if f <= near && f >= -near {
					least = min(least, e)
				}
			}
		}
	}
	t.Logf("errors of the exponential from %.3f (%.3f beyond 16,384) to %.3f * 2^-24", least, farLeast, most)
	if least < -1.095 || farLeast < -1.69 || most > 1.63 {
		t.Errorf("larger than docs/arithmetic.md says")
	}
}

var exactTable = [8]float64{1, 0x1.172b83c7d517bp0, 0x1.306fe0a31b715p0, 0x1.4bfdad5362a27p0,
	0x1.6a09e667f3bcdp0, 0x1.8ace5422aa0dbp0, 0x1.ae89f995ad3adp0, 0x1.d5818dcfba487p0}

// TestFMA holds fma to a sum in 60 bits more than it needs, where the rounding is hard.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1 << 20 {
		a, b, c := float32(r.IntN(1<<12)-1<<11), float32(r.IntN(1<<12)-1<<11), float32(r.IntN(1<<24)-1<<23)
		a *= math.Float32frombits(uint32(r.IntN(250)+2) << 23)
		b *= math.Float32frombits(uint32(r.IntN(60)+97) << 23)
		c *= math.Float32frombits(uint32(r.IntN(250)+2) << 23)
		if got, want := fma(a, b, c), roundOdd(a, b, c); math.Float32bits(got) != math.Float32bits(want) && want == want {
			t.Fatalf("fma(%x, %x, %x) is %x, want %x", a, b, c, got, want)
		}
	}
	// Denormal sums just below and above the middle of two float32, by less than float64 tells.
	for k := float32(1 << 12); k < 1<<23; k = k*1.7 + 1 {
		c := float32(int(k)|1) * 0x1p-149
		for _, a := range []float32{1<<23 + 1, -(1<<23 + 1)} {
			a, b := a*0x1p-98, float32((1<<23-1)*0x1p-98)
			if got, want := fma(a, b, c), roundOdd(a, b, c); got != want {
				t.Errorf("fma(%x, %x, %x) is %x, want %x", a, b, c, got, want)
			}
		}
	}
}

// roundOdd is a*b + c by way of math.FMA's exact product and rounding to odd.
func roundOdd(a, b, c float32) float32 {
	s := math.FMA(float64(a), float64(b), float64(c))
	// What s lacks: a*b is exact in float64, so that two sums tell.
	p := float64(a) * float64(b)
	z := s - p
	e := (p - (s - z)) + (float64(c) - z)
	if e != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Copysign(math.Inf(1), e))
	}
	return float32(s)
}
