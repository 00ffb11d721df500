package f64_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

// accumulated is an accumulator of some pieces and merges, and one of the rest.
func accumulated(r *rand.Rand, scale float64) f64.Accumulator {
	a, b := f64.NewAccumulator(scale), f64.NewAccumulator(scale)
	for range 1 + r.IntN(6) {
		x := make([]float64, r.IntN(1<<r.IntN(9)))
		if r.IntN(5) == 0 {
			x = fewElements(r, len(x))
		} else if len(x) > 0 {
			classes[r.IntN(len(classes))].fill(r, x)
		}
		if r.IntN(3) == 0 {
			b.Add(x)
			a.Merge(&b)
		} else {
			a.Add(x)
		}
	}
	return a
}

// TestMarshal: what is marshalled comes back, whatever was added and merged, and does the same.
func TestMarshal(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 11))
	for range 3000 {
		scale := []float64{1, 0.37, 3, 0x1p-960, 0x1p960}[r.IntN(5)]
		a := accumulated(r, scale)
		data, _ := a.MarshalBinary()
		text, err := json.Marshal(a)
		if err != nil || len(data) != 72 {
			t.Fatalf("%v, %d bytes", err, len(data))
		}
		var b, c f64.Accumulator
		if err := b.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		for _, got := range []f64.Accumulator{b, c} {
			if again, _ := got.MarshalBinary(); !bytes.Equal(again, data) {
				t.Fatalf("% x becomes % x", data, again)
			}
			x, y, z := make([]float64, 50), make([]float64, 51), make([]float64, 51)
			classes[0].fill(r, x)
			before := a
			before.Add(x)
			got.Add(x)
			before.Softmax(y[:50], x)
			got.Softmax(z[:50], x)
			y[50], z[50] = before.LogSumExp(), got.LogSumExp()
			same(t, "after more was added", z, y)
			if f, g := before.Factor(&a), got.Factor(&b); f != g && f == f {
				t.Fatalf("the factor is %v, want %v", g, f)
			}
		}
	}
	empty := f64.NewAccumulator(0.5)
	buf := make([]byte, 0, 72)
	if n := testing.AllocsPerRun(20, func() { empty.AppendBinary(buf) }); n > 0 {
		t.Errorf("AppendBinary allocates %v times", n)
	}
}

// TestAccumulatorFarEdge has two pieces: one is shifted, the other one, next to it, is not.
func TestAccumulatorFarEdge(t *testing.T) {
	for _, far := range []float64{0x1p41, -0x1p41} {
		for _, x := range [][]float64{{far - 2, far + 2}, {far + 2, far - 2}, {far - 500, far + 500}} {
			y, want := make([]float64, 2), make([]float64, 2)
			f64.Softmax(want, x)
			var a f64.Accumulator
			a.Add(x[:1])
			first := a
			a.Add(x[1:])
			a.Softmax(y, x)
			log, wantLog := a.LogSumExp(), f64.LogSumExp(x)
			for i := range y {
				if !(math.Abs(y[i]-want[i]) <= 0x1p-50*want[i]) {
					t.Errorf("the softmax of %v is %v, want %v", x, y, want)
				}
			}
			if math.Abs(log-wantLog) > 0x1p-53*math.Abs(wantLog) {
				t.Errorf("log-sum-exp of %v is %v, want %v", x, log, wantLog)
			}
			// The same as exponentials, that are divided at the end.
			sums, factor := make([]f64.Accumulator, 1), make([]float64, 1)
			f64.ExpRows(native.Row(y[:1]), native.Row(x[:1]), sums, factor, nil)
			f64.ExpRows(native.Row(y[1:]), native.Row(x[1:]), sums, factor, nil)
			if f := a.Factor(&first); f != factor[0] {
				t.Errorf("the factor of %v is %v, that of ExpRows %v", x, f, factor[0])
			}
			y[0] *= factor[0]
			f64.DivideRows(native.Row(y), native.Row(y), sums, nil)
			for i := range y {
				if !(math.Abs(y[i]-want[i]) <= 0x1p-50*want[i]) {
					t.Errorf("exponentials of %v are divided to %v, want %v", x, y, want)
				}
			}
		}
	}
}

// marshalled is the binary form of an accumulator with that beginning and these numbers.
func marshalled(begin []byte, x ...float64) []byte {
	for _, v := range x {
		begin = binary.LittleEndian.AppendUint64(begin, math.Float64bits(v))
	}
	return begin
}

// TestUnmarshal holds what UnmarshalBinary takes for a sum, and what is next to that.
func TestUnmarshal(t *testing.T) {
	head := func(b ...byte) []byte { return append(b, make([]byte, 8-len(b))...) }
	number := func(x ...float64) []byte { return marshalled(head(1), x...) }
	const far = 0x1p41
	near := math.RoundToEven(far*math.Log2E) - 4
	for _, c := range []struct {
		data []byte
		text string // of the error, if there is one
	}{
		{number(1, 0, -4, 0, 16, 0, 16, 0), ""},
		{number(1, 0, near, far, 16, 0, 16, 0), ""},
		{number(1, -1e300, -304, 0, 0x1p300, 0x1p290, 0x1p300, 0x1p300), ""},
		{number(1, 0, 0, 0, 0, 0, 0, 0), ""},
		{marshalled(head(1, 2), 3, 0, 0, 0, 0, 0, 0, 0), ""},
		{nil, "72 bytes, not 0"},
		{marshalled(head(2), 1, 0, 0, 0, 0, 0, 0, 0), "of version 2, this package reads version 1"},
		{marshalled(head(1, 1), 1, 0, 0, 0, 0, 0, 0, 0), "begins with 01 01 00"},
		{marshalled(head(1, 4), 1, 0, 0, 0, 0, 0, 0, 0), "begins with 01 04 00"},
		{marshalled(head(1, 0, 0, 0, 0, 0, 0, 1), 1, 0, 0, 0, 0, 0, 0, 0), "begins with 01 00 00 00 00 00 00 01"},
		{marshalled(head(1, 3), 1, 0, 0, 0, 16, 0, 16, 0), "without a sum has"},
		{number(1, 1, 0, 0, 0, 0, 0, 0), "without a sum has"},
		{number(0, 0, -4, 0, 16, 0, 16, 0), "scale is 0"},
		{number(nan, 0, -4, 0, 16, 0, 16, 0), "scale is NaN"},
		{number(1, inf, -4, 0, 16, 0, 16, 0), "ref is +Inf"},
		{number(1, 0, near, math.Nextafter(far, inf), 16, 0, 16, 0), "must be within 2^41"},
		{number(1, 0, -3.5, 0, 16, 0, 16, 0), "n is -3.5"},
		{number(1, 0, -305, 0, 16, 0, 16, 0), "n is -305, with a largest element of 0 it must be an integer near -4"},
		{number(1, 0, 297, 0, 16, 0, 16, 0), "n is 297"},
		{number(1, 0, -4, 0, -16, 0, 16, 0), "sum is -16"},
		{number(1, 0, -4, 0, 0x1p301, 0, 16, 0), "it must be from 2^-300 to 2^300"},
		{number(1, 0, -4, 0, 16, 0.1, 16, 0), "has 0.1 behind 16"},
		{number(1, 0, -4, 0, 16, nan, 16, 0), "has NaN behind 16"},
		{number(1, 0, -4, 0, 16, 0, 0, 0), "largest exponential is 0"},
		{number(1, 0, -4, 0, 16, 0, 17, 0), "largest exponential is 17"},
		{number(1, 0, -4, 0, 16, 0, 16, -1), "rest is -1"},
		{number(1, 0, -4, 0, 16, 0, 16, 17), "rest is 17"},
	} {
		var a f64.Accumulator
		a.Add([]float64{5})
		err := a.UnmarshalBinary(c.data)
		switch {
		case c.text == "" && err != nil:
			t.Errorf("% x: %v", c.data, err)
		case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
			t.Errorf("% x: %v, want %q", c.data, err, c.text)
		case err != nil && a.LogSumExp() != 5:
			t.Errorf("% x: an error, and the accumulator has changed", c.data)
		}
	}
	a := f64.NewAccumulator(2)
	if err := a.UnmarshalBinary(number(1, 0, 0, 0, 0, 0, 0, 0)); err == nil || !strings.Contains(err.Error(), "of scale 2 can't become one of scale 1") {
		t.Error(err)
	}
	if err := a.UnmarshalText([]byte("!")); err == nil || !strings.Contains(err.Error(), "an accumulator's text") {
		t.Error(err)
	}
}

// FuzzUnmarshal: no bytes make an accumulator that fails, and what is read is written as it was.
func FuzzUnmarshal(f *testing.F) {
	r := rand.New(rand.NewPCG(22, 12))
	for range 20 {
		a := accumulated(r, 1)
		data, _ := a.MarshalBinary()
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a f64.Accumulator
		if a.UnmarshalBinary(data) != nil {
			return
		}
		if again, _ := a.MarshalBinary(); !bytes.Equal(again, data) {
			t.Errorf("% x becomes % x", data, again)
		}
		b := a
		b.Add([]float64{1, -2, 1e300})
		b.Merge(&a)
		y := []float64{1, 2}
		b.Softmax(y, y)
		for _, p := range y {
			if p < 0 || p > 2 {
				t.Errorf("a softmax of %v", fmt.Sprint(y))
			}
		}
	})
}
