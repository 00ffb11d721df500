package f32

import (
	"math"
	"testing"
)

// half64 is the value of a binary16 number by the definition.
func half64(h uint16) float64 {
	exponent, mantissa := int(h>>10&0x1f), float64(h&0x3ff)
	x := math.Ldexp(1024+mantissa, exponent-25)
	switch {
	case exponent == 0:
		x = math.Ldexp(mantissa, -24)
	case exponent == 31 && mantissa == 0:
		x = math.Inf(1)
	case exponent == 31:
		x = math.NaN()
	}
	if h>>15 != 0 {
		x = -x
	}
	return x
}

// TestHalf goes through all binary16 numbers, and for each of them through the
// float32 about the limits of what is rounded to it.
func TestHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		x, want := FromHalf(h), half64(h)
		if want != want {
			if x == x || ToHalf(x) != h|0x200 {
				t.Fatalf("%#04x: %v and back %#04x", h, x, ToHalf(x))
			}
			continue
		}
		if float64(x) != want || math.Signbit(float64(x)) != math.Signbit(want) || ToHalf(x) != h {
			t.Fatalf("%#04x: %v and back %#04x, want %v", h, x, ToHalf(x), want)
		}
		if h&0x7fff >= 0x7c00 {
			continue
		}
		// Halfway to the next larger one in magnitude, which for the largest is what
		// would follow if the exponents went on.
		next := half64(h + 1)
		if h&0x7fff == 0x7bff {
			next = math.Copysign(65536, want)
		}
		middle := float32((want + next) / 2) // exact
		even := h + h&1
		for _, c := range []struct {
			x    float32
			want uint16
		}{
			{middle, even},
			{math.Nextafter32(middle, 0), h},
			{math.Nextafter32(middle, float32(math.Copysign(math.Inf(1), want))), h + 1},
		} {
			if got := ToHalf(c.x); got != c.want {
				t.Fatalf("ToHalf(%x) = %#04x, want %#04x", c.x, got, c.want)
			}
		}
	}
	for _, x := range []float32{65536, math.MaxFloat32, float32(math.Inf(1))} {
		if ToHalf(x) != 0x7c00 || ToHalf(-x) != 0xfc00 {
			t.Errorf("ToHalf(%v) is no infinity", x)
		}
	}
	if ToHalf(math.SmallestNonzeroFloat32) != 0 || ToHalf(-0x1p-126) != 0x8000 {
		t.Error("what is far below the smallest number does not become 0")
	}
}
