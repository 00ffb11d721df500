package compare

import (
	"math"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

func TestComposePairs(t *testing.T) {
	var pairs []Pair
	for _, name := range []string{"f32_rmax_ukernel__scalar_u1", maxName, mulName, storeName} {
		f := lookup(t, name)
		pairs = append(pairs, pairOf(f, f))
	}
	prefer := func(f ukernel.Family) (string, bool) { return "f32_rmax_ukernel__scalar_u1", f == ukernel.RMax }
	s, err := ComposePairs(ukernel.ThreePassReload, pairs, prefer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(s.Kernels, " "), "f32_rmax_ukernel__scalar_u1 "+storeName+" "+mulName; got != want {
		t.Errorf("kernels %s, want %s", got, want)
	}
	for _, class := range []inputs.Class{inputs.Normal, inputs.NaNs, inputs.Bits} {
		if a := CheckCase(s.Subject(), Case{Class: class, Length: 100}); a.Bits != 0 || a.Values != 100 {
			t.Errorf("%v: %+v", class, a)
		}
	}
	if _, err := ComposePairs(ukernel.TwoPass, pairs, prefer); err == nil || !strings.Contains(err.Error(), "f32_raddextexp") {
		t.Errorf("error %v, want one that names f32_raddextexp", err)
	}
}

// TestTwoPassNaN holds what is compared of a two-pass softmax: everything, unless
// the sum is a NaN.
func TestTwoPassNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	side := func(mantissa, exponent, output float32) ukernel.Composition {
		c, err := ukernel.Compose(ukernel.TwoPass,
			ukernel.Func{Name: "sum", RAddExtExp: func([]float32) (float32, float32) { return mantissa, exponent }},
			ukernel.Func{Name: "scale", VScaleExtExp: func(dst, src []float32, m, e float32) { fill(dst, output) }})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		name      string
		ref, ours ukernel.Composition
		same      bool
	}{
		{"equal", side(1, 2, 0.5), side(1, 2, 0.5), true},
		{"outputs differ", side(1, 2, 0.5), side(1, 2, 0.25), false},
		{"exponents differ", side(1, 2, 0.5), side(1, 3, 0.5), false},
		{"sum is NaN", side(nan, 2, nan), side(nan, inf, inf), true},
		{"one sum is NaN", side(nan, 2, nan), side(1, 2, 1), false},
	} {
		s := Softmax{Ref: c.ref, Ours: c.ours}
		for _, inPlace := range []bool{false, true} {
			a := CheckCase(s.Subject(), Case{Class: inputs.Normal, Length: 5, InPlace: inPlace})
			if (a.Bits == 0) != c.same {
				t.Errorf("%s: %+v, want the same: %v", c.name, a, c.same)
			}
		}
	}
}
