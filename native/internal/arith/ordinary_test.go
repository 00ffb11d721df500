package arith

import (
	"math"
	"math/rand/v2"
	"testing"
)

// between is the middle between a float32 and the next one: what lies next to it is rounded to either.
func between(y float32) float64 {
	return (float64(y) + float64(math.Nextafter32(y, inf))) / 2
}

// TestCertain holds a logarithm to be certain if it is further than doubt from the middle between two float32, and
// uncertain if it is nearer: to a quarter of doubt, and near 0, where steps round least, to a sixteenth.
func TestCertain(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	for rep := range 4000 {
		var m, scale float32 = 0, 1
		y, part := float32(0.1+0.5*r.Float64()), 1.0/16
		if rep%2 > 0 {
			m, scale = float32(r.Float64()*40-20), []float32{1, 0.7, 3}[r.IntN(3)]
			y, part = float32(0.1+10*r.Float64()), 1.0/4
		}
		of := float64(float64(m)*float64(scale)) + logK
		n := float32(math.Round((float64(y)+of)*math.Log2E)) - headroom
		for _, d := range []float64{-1 - part, part - 1, 1 - part, 1 + part} {
			x := between(y) + d*doubt
			total := Total{n: n, total: math.Exp(x + of - float64(n)*math.Ln2)}
			got, ok := total.Excess(m, scale)
			if want := math.Abs(d) > 1; ok != want || ok && got != float32(x) {
				t.Fatalf("%v times the doubt from the middle above %v, less %v times %v: the logarithm is %v, certain %v, want %v, %v", d, y, m, scale, got, ok, float32(x), want)
			}
		}
	}
}

// TestCertainSure does that for rows of several chunks of which one is sure.
func TestCertainSure(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	for range 1000 {
		c := ChunksTotal{top: RowSum{N: -30, Max: float32(r.IntN(4000) - 2000), Top: 1 + r.Float64()}}
		rest := func(excess float64) {
			rest := c.top.Top * math.Expm1(excess)
			c.Total = Total{n: -30, Max: c.top.Max, total: c.top.Top + rest}
			if c.top.Rest = rest; r.IntN(2) > 0 { // partly of other chunks
				c.top.Rest = rest / 4
				c.others = Total{n: -32, total: rest * 3}
			} else {
				c.others = Total{}
			}
		}
		y := float32(0.02 + 0.3*r.Float64())
		for _, d := range []float64{-1.25, -0.75, 0.75, 1.25} {
			x := between(y) * (1 + d*sureDoubt)
			rest(x)
			got, ok := c.Excess(1)
			if want := math.Abs(d) > 1; ok != want || ok && got != float32(x) {
				t.Fatalf("%v times the doubt from the middle above %v: the excess is %v, certain %v, want %v, %v", d, y, got, ok, float32(x), want)
			}
			sum := between(float32(float64(c.top.Max) + float64(y)))
			excess := sum - float64(c.top.Max)
			if !(excess > 0.02 && excess < 0.35) {
				continue
			}
			x = sum + d*(excess*sureDoubt+math.Abs(sum)*0x1p-50)
			rest(x - float64(c.top.Max))
			got, ok = c.Log(1)
			if want := math.Abs(d) > 1; ok != want || ok && got != float32(x) {
				t.Fatalf("%v times the doubt from %v with the largest element %v: the logarithm is %v, certain %v, want %v, %v", d, sum, c.top.Max, got, ok, float32(x), want)
			}
		}
	}
}

// TestIsSure has largest elements of about two thirds of the total, where roundings might decide.
func TestIsSure(t *testing.T) {
	for share, want := range map[float64][2]bool{0.3: {false, true}, 0.65: {false, true}, 0.6666: {false, false}, 0.6667: {false, false}, 0.68: {true, true}, 1: {true, true}} {
		for _, powers := range []int{-40, 0, 7} {
			sure, ok := isSure(math.Ldexp(12*share, powers), float32(-20-powers), 12, -20)
			if sure != want[0] || ok != want[1] {
				t.Errorf("%v of all: sure %v, certain %v, want %v", share, sure, ok, want)
			}
		}
	}
}

func TestTotalAdd(t *testing.T) {
	few, many := Total{n: -20, Max: 1, total: 3}, Total{n: -17, Max: 2, total: 5}
	for _, c := range [][2]Total{{few, many}, {many, few}, {{}, {n: -17, Max: 2, total: 5.375}}} {
		got := c[0]
		if got.Add(&c[1]); got != (Total{n: -17, Max: 2, total: 5.375}) {
			t.Errorf("%v and %v make %v", c[0], c[1], got)
		}
	}
}
