package ukernel

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// reference is a kernel of each family in float64, rounded once.
func reference(f Family) Func {
	exp := func(x, max float32) float64 { return math.Exp(float64(x) - float64(max)) }
	name := f.String()
	switch f {
	case RMax:
		return Func{Name: name, RMax: func(src []float32) float32 { return slices.Max(src) }}
	case RAddExtExp:
		return Func{Name: name, RAddExtExp: func(src []float32) (float32, float32) {
			var sum float64
			for _, x := range src {
				sum += exp(x, 0)
			}
			m, e := math.Frexp(sum)
			return float32(m), float32(e)
		}}
	case VScaleExtExp:
		return Func{Name: name, VScaleExtExp: func(dst, src []float32, m, e float32) {
			for i, x := range src {
				dst[i] = float32(math.Ldexp(exp(x, 0)*float64(m), int(e)))
			}
		}}
	case RAddExpMinusMax:
		return Func{Name: name, RAddExpMinusMax: func(src []float32, max float32) float32 {
			var sum float64
			for _, x := range src {
				sum += exp(x, max)
			}
			return float32(sum)
		}}
	case VScaleExpMinusMax:
		return Func{Name: name, VScaleExpMinusMax: func(dst, src []float32, scale, max float32) {
			for i, x := range src {
				dst[i] = float32(exp(x, max) * float64(scale))
			}
		}}
	case RAddStoreExpMinusMax:
		return Func{Name: name, RAddStoreExpMinusMax: func(dst, src []float32, max float32) float32 {
			var sum float64
			for i, x := range src {
				e := exp(x, max)
				dst[i] = float32(e)
				sum += e
			}
			return float32(sum)
		}}
	}
	return Func{Name: name, VMulC: func(dst, src []float32, c float32) {
		for i, x := range src {
			dst[i] = x * c
		}
	}}
}

func TestCompose(t *testing.T) {
	src := []float32{1, -2, 3.5, 0, 3.25}
	want := make([]float32, len(src))
	var sum float64
	for _, x := range src {
		sum += math.Exp(float64(x))
	}
	for i, x := range src {
		want[i] = float32(math.Exp(float64(x)) / sum)
	}
	for _, a := range Algorithms() {
		var kernels []Func
		for _, f := range a.Families() {
			kernels = append(kernels, reference(f))
		}
		c, err := Compose(a, kernels...)
		if err != nil {
			t.Fatal(err)
		}
		if c.Algorithm() != a || len(c.Kernels()) != len(kernels) {
			t.Errorf("%v: composed as %v of %d kernels", a, c.Algorithm(), len(c.Kernels()))
		}
		dst := make([]float32, len(src))
		c.Softmax(dst, src)
		same := slices.Clone(src)
		c.Softmax(same, same)
		for i := range dst {
			if math.Abs(float64(dst[i]-want[i])) > 1e-6*float64(want[i]) {
				t.Errorf("%v: dst[%d] = %g, want %g", a, i, dst[i], want[i])
			}
			if same[i] != dst[i] {
				t.Errorf("%v: in place dst[%d] = %g, otherwise %g", a, i, same[i], dst[i])
			}
		}

		if _, err := Compose(a, kernels[1:]...); err == nil {
			t.Errorf("%v: no error for a missing kernel", a)
		}
		slices.Reverse(kernels)
		if _, err := Compose(a, kernels...); err == nil || !strings.Contains(err.Error(), "pass 1 ") || !strings.Contains(err.Error(), kernels[0].Name) {
			t.Errorf("%v: error %v for kernels in the wrong order does not name pass 1 and %s", a, err, kernels[0].Name)
		}
	}
	if _, err := Compose(Auto); err == nil {
		t.Error("no error for auto")
	}
}

func TestParseAlgorithm(t *testing.T) {
	for a := range numAlgorithms {
		if got, err := ParseAlgorithm(a.String()); err != nil || got != a {
			t.Errorf("ParseAlgorithm(%q) = %v, %v", a, got, err)
		}
	}
	if _, err := ParseAlgorithm("one-pass"); err == nil || !strings.Contains(err.Error(), `"one-pass"`) || !strings.Contains(err.Error(), "two-pass") {
		t.Errorf("error %v does not name the value and the choices", err)
	}
}
