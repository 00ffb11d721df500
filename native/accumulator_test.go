package native_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// TestAccumulatorScale holds the limits of an accumulator's scale, and its results there.
func TestAccumulatorScale(t *testing.T) {
	for _, scale := range []float32{0x1p-120, 0x1p120} {
		a := native.NewAccumulator(scale)
		a.Add([]float32{1 / scale, 3 / scale})
		want := native.LogSumExp([]float32{1, 3})
		if y := a.LogSumExp(); math.Abs(float64(y-want)) > 0x1p-22 {
			t.Errorf("scale %v: log-sum-exp is %v, want %v", scale, y, want)
		}
	}
	for _, scale := range []float32{math.Nextafter32(0x1p-120, 0), math.Nextafter32(0x1p120, inf), inf, nan, -1} {
		wantPanic(t, fmt.Sprintf("scale is %v, it must be from 2^-120 to 2^120", scale), func() { native.NewAccumulator(scale) })
	}
}

// TestAccumulatorLargeScale: with a scale of 2^120, products are rounded and limited as Options.Scale
// says, and the sum survives its bytes.
func TestAccumulatorLargeScale(t *testing.T) {
	inf := float32(math.Inf(1))
	o := &native.Options{Scale: 0x1p120}
	for _, x := range [][]float32{
		{0x1p9, 0x1p10, 3}, {-0x1p9, 0x1p-119, 0x1p-118}, {-0x1p9, -0x1p10}, {-inf, 0x1p-120, 0x1p9}, {0x1p-140, 0x1.8p-119}, {0x1p-100, 0x1p-100}, {inf, 1},
	} {
		for _, arith.Best = range levels() {
			want, log := make([]float32, len(x)), make([]float32, len(x))
			native.SoftmaxRows(native.Row(want), native.Row(x), o)
			native.LogSoftmaxRows(native.Row(log), native.Row(x), o)
			var lse [1]float32
			native.LogSumExpRows(lse[:], native.Row(x), o)
			a := native.NewAccumulator(0x1p120)
			a.Add(x)
			data, err := a.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var b native.Accumulator
			if err := b.UnmarshalBinary(data); err != nil {
				t.Fatalf("%v: %v", x, err)
			}
			for _, a := range []native.Accumulator{a, b} {
				y, l := make([]float32, len(x)), make([]float32, len(x))
				a.Softmax(y, x)
				a.LogSoftmax(l, x)
				what := fmt.Sprintf("level %v, %v", arith.Best, x)
				compareRows(t, what+", softmax", y, want)
				compareRows(t, what+", log-softmax", l, log)
				compareRows(t, what+", log-sum-exp", []float32{a.LogSumExp()}, lse[:])
			}
		}
	}
}

// TestAccumulatorFar merges and adds pieces far from 0 whose largest elements differ by little, and by
// much, times the scale.
func TestAccumulatorFar(t *testing.T) {
	for _, scale := range []float32{1, 0x1p-10, 0x1p10} {
		for _, far := range []float32{1 << 20, -1 << 20} {
			for _, apart := range []float32{2, 12, 60, 1100, 1 << 19} {
				x := []float32{far / scale, (far + apart) / scale}
				merged, other, added := native.NewAccumulator(scale), native.NewAccumulator(scale), native.NewAccumulator(scale)
				merged.Add(x[:1])
				other.Add(x[1:])
				merged.Merge(&other)
				added.Add(x[1:])
				added.Add(x[:1])
				least := math.Exp(-float64(apart))
				for _, a := range []native.Accumulator{merged, added} {
					var y [2]float32
					a.Softmax(y[:], x)
					if want := []float64{least / (1 + least), 1 / (1 + least)}; math.Abs(float64(y[0])-want[0]) > 1e-6*want[0]+0x1p-126 || math.Abs(float64(y[1])-want[1]) > 1e-6 {
						t.Errorf("scale %v: the softmax of %v is %v, want %v", scale, x, y, want)
					}
					if a.LogSoftmax(y[:], x); math.Abs(float64(y[1])+math.Log1p(least)) > 1e-5*least {
						t.Errorf("scale %v: the log-softmax of %v is %v, want %v for the larger one", scale, x, y, -math.Log1p(least))
					}
					if got, want := float64(a.LogSumExp()), float64(far+apart)+math.Log1p(least); math.Abs(got-want) > 0x1p-22*math.Abs(want) {
						t.Errorf("scale %v: the log-sum-exp of %v is %v, want %v", scale, x, got, want)
					}
				}
			}
		}
	}
}

// TestAccumulatorNothing holds that merging with nothing, or rows of -Inf, changes nothing, wherever
// elements are.
func TestAccumulatorNothing(t *testing.T) {
	for _, x := range []float32{0, 5, -5, 1e6, -1e6, 1e30, -1e30, inf, nan} {
		var a, empty, low native.Accumulator
		a.Add([]float32{x, x})
		want := a
		low.Add([]float32{negInf, negInf})
		a.Merge(&empty)
		a.Merge(&low)
		a.Add(nil)
		a.Add([]float32{negInf})
		empty.Merge(&want)
		for _, got := range []native.Accumulator{a, empty} {
			if !same(got.LogSumExp(), want.LogSumExp()) {
				t.Errorf("%v: log-sum-exp is %v, want %v", x, got.LogSumExp(), want.LogSumExp())
			}
			g, _ := got.MarshalText()
			if w, _ := want.MarshalText(); string(g) != string(w) {
				t.Errorf("%v: marshalled %s, want %s", x, g, w)
			}
		}
	}
}

// TestAccumulatorLimits holds what UnmarshalBinary takes for a sum, and what is next to that.
func TestAccumulatorLimits(t *testing.T) {
	marshalled := func(scale, ref, n, max float32, total, rest float64) []byte {
		b := []byte{1, 0, 0, 0}
		for _, x := range []float32{scale, ref, n, max} {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(total))
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(rest))
	}
	const most = 655360
	near := float32(math.Round(most / math.Ln2))
	for _, c := range []struct {
		n, max      float32
		total, rest float64
		text        string // of the error, if there is one
	}{
		{-24, 0, 0x1p24, 0, ""},
		{near, most, 2, 1, ""},
		{-near, -most, 2, 1, ""},
		{near, most + 0.0625, 2, 1, "largest element is 655360.06, with scale 1 it must be within 655360"},
		{-near, -most - 0.0625, 2, 1, "largest element is -655360.06, with scale 1 it must be within 655360"},
		{300, 0, 2, 1, ""},
		{-300, 0, 2, 1, ""},
		{301, 0, 2, 1, "n is 301, with a largest element of 0 it must be an integer near 0"},
		{-301, 0, 2, 1, "n is -301"},
		{0.5, 0, 2, 1, "n is 0.5"},
		{600, 2, 2, 1, "n is 600, with a largest element of 2 it must be an integer near 2.88"},
		{0, 0, 0x1p200, 1, ""},
		{0, 0, math.Nextafter(0x1p200, 0x1p201), 1, "total is 1.60"},
		{0, 0, -1, 1, "total is -1"},
		{0, 0, 1, 1.001, ""},
		{0, 0, 1, math.Nextafter(1.001, 2), "rest is 1.001"},
		{0, 0, 1, -5e-324, "rest is -5e-324"},
	} {
		var a native.Accumulator
		err := a.UnmarshalBinary(marshalled(1, 0, c.n, c.max, c.total, c.rest))
		switch {
		case c.text != "":
			wantError(t, err, c.text)
		case err != nil:
			t.Errorf("n %v, max %v, total %v, rest %v: %v", c.n, c.max, c.total, c.rest, err)
		}
	}
}
