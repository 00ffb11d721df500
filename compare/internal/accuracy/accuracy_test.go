package accuracy

import (
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

func TestULPs(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		got   float32
		exact float64
		want  float64
	}{
		{1, 1, 0},
		{math.Nextafter32(1, 2), 1, 1},
		{1, 1 + 0x1p-24, 0.5},
		{math.Nextafter32(1, 0), 1, 0.5}, // below 1 they are half as far apart
		{1.5, 1.5 - 0x1p-25, 0.25},
		{0x1p-126, 0x1p-126 + 0x1p-149, 1},
		{0, 0x1p-149, 1}, {0x1p-149, 0, 1},
		{-3, -3 - 0x1p-21, 2},
		{inf, math.Inf(1), 0},
	} {
		if got := ULPs(c.got, c.exact); got != c.want {
			t.Errorf("ULPs(%v, %v) = %v, want %v", c.got, c.exact, got, c.want)
		}
	}
	if !math.IsNaN(ULPs(float32(math.NaN()), 1)) {
		t.Error("a NaN has an error that is a number")
	}
}

// TestExact compares with sums of 200 bits: the exponentials are float64's, but
// nothing is lost in adding them up.
func TestExact(t *testing.T) {
	for _, class := range []inputs.Class{inputs.Uniform10, inputs.Normal, inputs.Uniform1000, inputs.Ascending, inputs.Equal, inputs.Huge} {
		for _, n := range []int{1, 2, 1000} {
			src := class.Row(0, n)
			var x Exact
			x.Of(src)
			sum := new(big.Float).SetPrec(200)
			for _, v := range src {
				sum.Add(sum, big.NewFloat(math.Exp(float64(v)-x.max)))
			}
			if want, _ := sum.Float64(); math.Abs(x.sum/want-1) > 0x1p-52 {
				t.Errorf("%v, %d: sum %v, want %v", class, n, x.sum, want)
			}
			total := 0.0
			for i := range src {
				total += x.Value(Softmax, i)
				if p := x.Value(Softmax, i); p > 1e-300 && math.Abs(math.Log(p)-x.Value(LogSoftmax, i)) > 1e-12*(1+math.Abs(math.Log(p))) {
					t.Errorf("%v, %d: softmax %v, its logarithm %v", class, n, p, x.Value(LogSoftmax, i))
				}
			}
			if math.Abs(total-1) > 1e-12 {
				t.Errorf("%v, %d: the outputs add up to %v", class, n, total)
			}
		}
	}
	// One element far above the other: log(1 + e^-30) is e^-30 and a bit.
	var x Exact
	x.Of([]float32{40, 10})
	if got, want := x.Value(LogSoftmax, 0), -math.Log1p(math.Exp(-30)); got != want {
		t.Errorf("logarithm %v, want %v", got, want)
	}
	if got := x.Value(LogSumExp, 0); got != 40+math.Log1p(math.Exp(-30)) {
		t.Errorf("log of the sum %v", got)
	}
}

func TestPlan(t *testing.T) {
	round := Function{Name: "rounded", Run: func(dst, src []float32) {
		var x Exact
		x.Of(src)
		for i := range dst {
			dst[i] = float32(x.Value(Softmax, i))
		}
	}}
	off := Function{Name: "one off", Run: func(dst, src []float32) {
		round.Run(dst, src)
		dst[len(dst)/2] = math.Nextafter32(dst[len(dst)/2], 2)
	}}
	nan := Function{Name: "NaN", Run: func(dst, src []float32) {
		round.Run(dst, src)
		dst[0] = float32(math.NaN())
	}}
	lse := Function{Name: "sum", Quantity: LogSumExp, Run: func(dst, src []float32) {
		var x Exact
		x.Of(src)
		dst[0] = float32(x.Value(LogSumExp, 0))
	}}
	p := Plan{
		Functions: []Function{round, off, nan, lse}, Classes: []inputs.Class{inputs.Normal, inputs.Uniform10},
		Lengths: []int{10, 100}, Outputs: 1000,
	}
	calls := 0
	all, err := p.Run(context.Background(), 2, func() { calls++ })
	if err != nil || len(all) != 16 || calls != 4 {
		t.Fatalf("%d results after %d calls of done, error %v", len(all), calls, err)
	}
	for i, a := range all {
		f := p.Functions[i/2%4]
		rows := 1000 / a.Length
		if a.Name != f.Name || a.Class != p.Classes[i/8].String() || a.Length != p.Lengths[i%2] || a.Rows != rows {
			t.Errorf("result %d is of %s, %s, %d with %d rows", i, a.Name, a.Class, a.Length, a.Rows)
		}
		outputs, maxLo, maxHi, nans := int64(1000), 0.4, 0.5, int64(0)
		switch f.Name {
		case "one off":
			maxLo, maxHi = 1, 1.5
		case "NaN":
			nans = int64(rows)
		case "sum":
			outputs, maxLo = int64(rows), 0.1
		}
		if a.Outputs != outputs || a.NaNs != nans || a.MaxULP < maxLo || a.MaxULP > maxHi || a.MeanULP > 0.4 {
			t.Errorf("%+v, want %d outputs, %d NaNs, at most %v..%v ULP", a, outputs, nans, maxLo, maxHi)
		}
		if f.Name == "one off" && a.At != a.Length/2 {
			t.Errorf("the greatest error is at %d of %d, want the middle", a.At, a.Length)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Run(ctx, 2, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
