package model

import (
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// TestRoundHalf64 holds rounding from float64 to that from float32 at each number, half-way to the next one,
// and next to that; and to float64s of which float32 has no such neighbours.
func TestRoundHalf64(t *testing.T) {
	for w := range 1 << 16 {
		x := f32.FromHalf(uint16(w))
		if x-x != 0 || w&0x7fff == 0x7bff {
			continue
		}
		next := f32.FromHalf(uint16(w + 1))
		middle := x/2 + next/2
		for _, y := range []float32{x, middle, math.Nextafter32(middle, x), math.Nextafter32(middle, next)} {
			if got, want := roundHalf64(float64(y)), roundHalf(y); got != want || math.Signbit(float64(got)) != math.Signbit(float64(want)) {
				t.Fatalf("%x becomes %v, want %v", y, got, want)
			}
		}
		if below, above := roundHalf64(math.Nextafter(float64(middle), float64(x))), roundHalf64(math.Nextafter(float64(middle), float64(next))); below != x || above != next {
			t.Fatalf("around %x: %v and %v, want %v and %v", middle, below, above, x, next)
		}
	}
	for x, want := range map[float64]float64{65519.99: 65504, 65520: math.Inf(1), -1e300: math.Inf(-1), math.Inf(1): math.Inf(1)} {
		if got := roundHalf64(x); float64(got) != want {
			t.Errorf("%v becomes %v, want %v", x, got, want)
		}
	}
	if x := roundHalf64(math.NaN()); x == x {
		t.Errorf("NaN becomes %v", x)
	}
}

// TestNumbers holds which families' narrow results become numbers.
func TestNumbers(t *testing.T) {
	for _, f := range ukernel.Families() {
		want := []float32{7, 7}
		switch f {
		case ukernel.F16RAddStoreExpMinusMax, ukernel.F16VMulC:
			want = []float32{1, -2}
		case ukernel.U8LUT32Norm:
			want = []float32{3, 255}
		}
		a := ukernel.Args{Dst: []float32{7, 7}, Dst16: []uint16{0x3c00, 0xc000}, Dst8: []uint8{3, 255}}
		if Numbers(f, a); !slices.Equal(a.Dst, want) {
			t.Errorf("%v: %v, want %v", f, a.Dst, want)
		}
	}
}
