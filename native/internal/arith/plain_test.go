package arith

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAddStored holds the sum of stored exponentials to that of the first pass which stored them.
func TestAddStored(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	for n := 1; n <= 3*turn+1; n++ {
		x, e := make([]float32, n), make([]float32, n)
		fill(r, n%2*3, x)
		x[0] = 5
		want := start(r, &One, x)
		got := want
		if sumStorePlain(e, x, &want) < n {
			t.Fatalf("%d elements are not near", n)
		}
		got.AddStored(e)
		got.Max = want.Max // which it leaves alone
		sameSum(t, "sum of stored exponentials", &got, &want)
	}
}

// TestExpOf holds e^x of elements up to 0, at every level.
func TestExpOf(t *testing.T) {
	var x []float32
	for v := float32(0); v > -120; v -= 0.37 {
		x = append(x, v)
	}
	x = append(x, -1e-30, -87.33654, -87.33655, -1e30, negInf)
	st, f := ExpOf()
	for _, l := range Levels() {
		y := make([]float32, len(x))
		l.ExpScale(y, x, &st, &f)
		for i, x := range x {
			want := math.Exp(float64(x))
			if want < 0x1p-126 {
				want = 0
			}
			if !(math.Abs(float64(y[i])-want) <= 0x1p-21*want) {
				t.Errorf("level %v: e^%v is %v, want %v", l, x, y[i], want)
			}
		}
	}
}

// TestSure holds which sums are taken again without the largest element: those where it is more than
// two thirds, unless the kernel has done so, which shows in how far it is above N.
func TestSure(t *testing.T) {
	for _, c := range []struct {
		top, rest float64
		want      bool
	}{{2, 0.999, true}, {2, 1, false}, {2, 3, false}, {2, 0, true}, {0x1.fp89, 1, true}, {0x1p90, 1, false}, {0x1p100, 0x1p90, false}} {
		if s := (RowSum{Top: c.top, Rest: c.rest}); s.Sure() != c.want {
			t.Errorf("%v beside %v is sure: %v, want %v", c.top, c.rest, s.Sure(), c.want)
		}
	}
}

// TestLogSub holds single elements to the kernels, and those to x - m times scale, less b, in float64:
// also where x - m is beyond float32.
func TestLogSub(t *testing.T) {
	const most = math.MaxFloat32
	below := math.Nextafter32(SubFarFrom, 0)
	for _, m := range []float32{0, 3, -3, 0x3p-149, 1e10, below, -below, SubFarFrom, -SubFarFrom, most, -most} {
		for _, x := range []float32{m, m - 1, m / 2, -m, 0, 0x1p-149, -most, negInf} {
			for _, scale := range []float32{1, 0.7, 3, 1e-30, 1e-38} {
				if x > m {
					continue
				}
				b := float32(1.5)
				if m < 1 && scale == 1 {
					b = 0 // and so the result may be denormal
				}
				var one, kernel [1]float32
				if one[0] = LogSubOne(x, m, scale, b); m >= SubFarFrom || m <= -SubFarFrom {
					LogSubFar(kernel[:], []float32{x}, m, scale, b)
				} else {
					Best.LogSub(kernel[:], []float32{x}, m, scale, b)
				}
				sameSlice(t, "one element", one[:], kernel[:])
				want := (float64(x)-float64(m))*float64(scale) - float64(b)
				if got := float64(one[0]); !(got == float64(float32(want)) || math.Abs(got-want) <= 0x1p-22*math.Abs(want)) {
					t.Errorf("(%v - %v) * %v - %v is %v, want %v", x, m, scale, b, got, want)
				}
			}
		}
	}
}
