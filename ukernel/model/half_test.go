package model

import (
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// TestHalf holds that every word comes back from its number, that a number between two
// neighbours rounds to the nearer, and to the even one from half-way; and some numbers
// that are known.
func TestHalf(t *testing.T) {
	for _, h := range []half{float16} {
		infinity := (uint16(1)<<15 - 1) >> h.bits << h.bits
		for w := range 1 << 16 {
			w := uint16(w)
			x := h.number(w)
			if w&0x7fff > infinity {
				if x == x || h.number(h.word(x)) == h.number(h.word(x)) {
					t.Fatalf("%+v: %#04x is %v, want NaN", h, w, x)
				}
				continue
			}
			if back := h.word(h.round(x)); back != w || h.round(x) != x {
				t.Fatalf("%+v: %#04x is %v and comes back as %#04x", h, w, x, back)
			}
			if w >= infinity {
				continue
			}
			above := float64(h.number(w + 1))
			if w+1 == infinity {
				above = h.largest + math.Ldexp(1, h.unit(h.largest))
			}
			middle := float32(float64(x)/2 + above/2)
			below, after := h.word(h.round(math.Nextafter32(middle, 0))), h.word(h.round(math.Nextafter32(middle, float32(math.Inf(1)))))
			if even := h.word(h.round(middle)); below != w || after != w+1 || even != w+w&1 {
				t.Fatalf("%+v: around %v: %#04x %#04x %#04x", h, middle, below, even, after)
			}
		}
	}
	for w, x := range map[uint16]float32{0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 1: 0x1p-24, 0x0400: 0x1p-14} {
		if float16.number(w) != x {
			t.Errorf("binary16 %#04x is %v, want %v", w, float16.number(w), x)
		}
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
