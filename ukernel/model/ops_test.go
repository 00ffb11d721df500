package model

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

var (
	inf   = float32(math.Inf(1))
	nan   = float32(math.NaN())
	minus = math.Float32frombits(1 << 31) // -0
	snan  = math.Float32frombits(0x7f800001)
)

// TestScalef holds the table of special cases in Intel's manual, and finite
// results against math/big.
func TestScalef(t *testing.T) {
	for _, c := range []struct{ x, y, want float32 }{
		{nan, nan, nan}, {nan, inf, inf}, {nan, -inf, 0}, {nan, 0, nan}, {nan, 1, nan},
		{snan, nan, nan}, {snan, inf, nan}, {snan, -inf, nan}, {snan, 1, nan},
		{inf, nan, nan}, {inf, inf, inf}, {inf, -inf, nan}, {inf, -1000, inf}, {-inf, inf, -inf}, {-inf, 0, -inf},
		{0, nan, nan}, {0, inf, nan}, {0, -inf, 0}, {0, 1000, 0}, {minus, -inf, minus}, {minus, 3, minus},
		{1, nan, nan}, {1, inf, inf}, {-1, inf, -inf}, {1, -inf, 0}, {-1, -inf, minus},
		{3, 1.99, 6}, {3, -0.01, 1.5}, {3, -0x1p-149, 1.5}, {3, minus, 3},
		{1, 128, inf}, {-1, 128, -inf}, {1, 127, 0x1p127}, {0x1p-149, 277, inf}, {0x1p-149, 276, 0x1p127},
		{1, -149, 0x1p-149}, {1, -150, 0}, {-1, -150, minus}, {math.Nextafter32(1, 2), -150, 0x1p-149},
		{1.5, -149, 0x1p-148}, {0x1.8p+1, -150, 0x1p-148}, {2.5, -149, 0x1p-148}, {3.5, -149, 0x1p-147},
		{math.MaxFloat32, -1e9, 0}, {0x1p-149, 1e9, inf}, {1, math.MaxFloat32, inf}, {1, -math.MaxFloat32, 0},
	} {
		if got := scalef(c.x, c.y); !ukernel.Same(got, c.want) {
			t.Errorf("scalef(%x, %x) = %x, want %x", c.x, c.y, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		x, y := math.Float32frombits(r.Uint32()), r.Float32()*600-300
		if x != x || math.IsInf(float64(x), 0) {
			continue
		}
		b := big.NewFloat(float64(x))
		want, _ := b.SetMantExp(b, int(math.Floor(float64(y)))).Float32()
		if got := scalef(x, y); !ukernel.Same(got, want) {
			t.Fatalf("scalef(%x, %x) = %x, want %x", x, y, got, want)
		}
	}
}

func TestMax(t *testing.T) {
	for _, c := range []struct{ x, y, x86, neon, num float32 }{
		{1, 2, 2, 2, 2}, {2, 1, 2, 2, 2}, {-1, -2, -1, -1, -1}, {inf, 1, inf, inf, inf}, {-inf, 1, 1, 1, 1},
		{0, minus, minus, 0, 0}, {minus, 0, 0, 0, 0}, {minus, minus, minus, minus, minus},
		{nan, 1, 1, nan, 1}, {1, nan, nan, nan, 1}, {nan, nan, nan, nan, nan},
		{snan, 1, 1, nan, nan}, {1, snan, nan, nan, nan},
	} {
		for i, f := range []func(x, y float32) float32{maxX86, maxNEON, maxNum} {
			want := []float32{c.x86, c.neon, c.num}[i]
			if got := f(c.x, c.y); !ukernel.Same(got, want) {
				t.Errorf("max %d of (%v, %v) = %v, want %v", i, c.x, c.y, got, want)
			}
		}
	}
}

func TestSmallOps(t *testing.T) {
	for _, c := range [][2]float32{
		{0.5, 0}, {1.5, 2}, {2.5, 2}, {-0.5, minus}, {-0.3, minus}, {-1.5, -2}, {0x1.7fffffp+22, 0x1.8p+22}, {1e30, 1e30}, {inf, inf}, {nan, nan},
	} {
		if got := round(c[0]); !ukernel.Same(got, c[1]) {
			t.Errorf("round(%v) = %v, want %v", c[0], got, c[1])
		}
	}
	for n := -127; n <= 128; n++ {
		want := float32(math.Ldexp(1, n))
		switch n {
		case -127:
			want = 0
		case 128:
			want = inf
		}
		if got := shift23(add(float32(n), magic127)); !ukernel.Same(got, want) {
			t.Errorf("shift23 of %d = %v, want %v", n, got, want)
		}
	}
	if got := zeroBelow(nan, cutoff, 3); got != 3 {
		t.Errorf("zeroBelow(NaN) = %v", got)
	}
	if got := zeroBelow(cutoff, cutoff, 3); got != 3 {
		t.Errorf("zeroBelow(cutoff) = %v", got)
	}
	if got := zeroBelow(math.Nextafter32(cutoff, -inf), cutoff, -3); !ukernel.Same(got, 0) {
		t.Errorf("zeroBelow below the cutoff = %v", got)
	}
}

// TestLookup looks up every 64th of the exponents of normal numbers.
func TestLookup(t *testing.T) {
	for n := -126 * 64; n < 128*64; n++ {
		want := float32(math.Ldexp(float64(math.Float32frombits(f32.Exp2K64[(n+128*64)%64])), (n+128*64)/64-128))
		if got := lookup(add(float32(n)/64, magic64)); got != want {
			t.Fatalf("lookup(%d/64) = %x, want %x", n, got, want)
		}
	}
}

func TestTree(t *testing.T) {
	// Concatenating shows the order.
	for n, want := range map[int]string{1: "0", 2: "(01)", 3: "((01)2)", 4: "((01)(23))", 5: "(((01)(23))4)", 6: "(((01)(23))(45))"} {
		var names []string
		acc := make([]vector, n)
		for i := range acc {
			acc[i] = vector{float32(i)}
			names = append(names, string(rune('0'+i)))
		}
		got := new(machine).tree("", acc, func(_ string, x, y vector) vector {
			names = append(names, "("+names[int(x[0])]+names[int(y[0])]+")")
			return vector{float32(len(names) - 1)}
		})
		if names[int(got[0])] != want {
			t.Errorf("tree of %d: %s, want %s", n, names[int(got[0])], want)
		}
	}
}
