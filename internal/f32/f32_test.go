package f32

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// special values, and those next to where a rounding changes.
var special = func() (xs []float32) {
	for _, b := range []uint32{
		0, 1, 2, 3, 0x007fffff, 0x00800000, 0x00800001, 0x01000000, 0x33800000, 0x34000000, 0x34000001,
		0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x40000000, 0x4b000000, 0x4b800001,
		0x7f000000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001,
	} {
		xs = append(xs, math.Float32frombits(b), math.Float32frombits(b|1<<31))
	}
	return xs
}()

func equal(x, y float32) bool {
	return x != x && y != y || math.Float32bits(x) == math.Float32bits(y)
}

// exact computes x*y + z without rounding, and rounds that to float32.
func exact(x, y, z float32) float32 {
	if p, s := float64(x)*float64(y), float64(x)*float64(y)+float64(z); s == 0 && p == -float64(z) || s-s != 0 {
		return float32(s) // math/big has no NaN, and its sum of zeros is not IEEE 754's
	}
	f := func(x float32) *big.Float { return new(big.Float).SetPrec(700).SetFloat64(float64(x)) }
	p := f(x)
	p.Mul(p, f(y))
	r, _ := p.Add(p, f(z)).Float32()
	return r
}

func testFMA(t *testing.T, x, y, z float32) {
	t.Helper()
	if got, want := FMA(x, y, z), exact(x, y, z); !equal(got, want) {
		t.Fatalf("FMA(%x, %x, %x) = %x, want %x", x, y, z, got, want)
	}
}

func TestFMASpecial(t *testing.T) {
	for _, x := range special {
		for _, y := range special {
			for _, z := range special {
				testFMA(t, x, y, z)
			}
		}
	}
}

func TestFMARandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		x, y := math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		testFMA(t, x, y, math.Float32frombits(r.Uint32()))
		// An addend near the product, where digits cancel, and one whose last bit
		// the product's lower half decides.
		p := math.Float32bits(x * y)
		testFMA(t, x, y, math.Float32frombits(p^r.Uint32N(16)^1<<31))
		testFMA(t, x, y, math.Float32frombits(p+r.Uint32N(64)<<23))
	}
}

// TestFMAHalfway builds sums within 2^-40 of half-way between two float32,
// normal and denormal, on either side and exactly there: where rounding twice is
// wrong.
func TestFMAHalfway(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	twice := 0
	for range 10_000 {
		// x*y is half a unit in the last place of z, times 1 + d or 1 - d^2.
		z := math.Float32frombits(r.Uint32N(0x7e800000))
		ulp := math.Float32frombits(math.Float32bits(z)+1) - z
		d := float32(math.Ldexp(1, -1-r.IntN(23)))
		for _, m := range [][2]float32{{1, 1}, {1 + d, 1}, {1 - d/2, 1}, {1 + d, 1 - d}, {1 + d, 1 + d}} {
			h := math.Sqrt(float64(ulp) / 2)
			k := math.Floor(math.Log2(h))
			x := float32(math.Ldexp(float64(m[0]), int(k)))
			y := float32(float64(ulp) / 2 / math.Ldexp(1, int(k)) * float64(m[1]))
			for _, s := range []float32{1, -1} {
				testFMA(t, s*x, y, z)
				testFMA(t, s*x, y, -z)
				if float32(math.FMA(float64(x), float64(y), float64(z))) != exact(x, y, z) {
					twice++
				}
			}
		}
	}
	if twice == 0 {
		t.Error("no input on which rounding twice differs: the test tests nothing")
	}
}

func TestMaxNum(t *testing.T) {
	for _, x := range special {
		for _, y := range special {
			want := float32(math.Max(float64(x), float64(y))) // right for numbers, signs of zero included
			switch {
			case signaling(x) || signaling(y):
				want = float32(math.NaN())
			case x != x:
				want = y
			case y != y:
				want = x
			}
			if got := MaxNum(x, y); !equal(got, want) {
				t.Errorf("MaxNum(%x, %x) = %x, want %x", math.Float32bits(x), math.Float32bits(y), got, want)
			}
		}
	}
}

func TestExp2K64(t *testing.T) {
	root := new(big.Float).SetPrec(200).SetInt64(2)
	for range 6 {
		root.Sqrt(root)
	}
	x := new(big.Float).SetPrec(200).SetInt64(1)
	for k, got := range Exp2K64 {
		if want, _ := x.Float32(); got != math.Float32bits(want) {
			t.Errorf("Exp2K64[%d] = %#x, want %#x", k, got, math.Float32bits(want))
		}
		x.Mul(x, root)
	}
}
