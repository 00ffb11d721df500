package bits

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

func TestDifferingBits(t *testing.T) {
	nan, payload := math.Float32frombits(0x7fc00000), math.Float32frombits(0xff800001)
	zero := float32(0)
	for _, c := range []struct {
		a, b float32
		want int
	}{
		{1, 1, 0}, {nan, payload, 0}, {zero, -zero, 1},
		{1, math.Nextafter32(1, 2), 1}, {1, nan, 2}, {0, math.Float32frombits(0x7fffffff), 31},
	} {
		if got := differingBits(c.a, c.b); got != c.want {
			t.Errorf("differingBits(%v, %v) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// pairOf pairs two functions of one kernel.
func pairOf(ref, ours ukernel.Func) side.Pair {
	return side.NewPair(ukernel.MustParse(ref.Name), ref, ours)
}

func lookup(t *testing.T, name string) ukernel.Func {
	t.Helper()
	f, err := side.Native().Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const (
	maxName   = "f32_rmax_ukernel__scalar_u4_acc4"
	mulName   = "f32_vmulc_ukernel__scalar_u4"
	storeName = "f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc2"
)

var smallPlan = Plan{
	Classes: inputs.Classes(), Seeds: []uint64{0, 1}, Lengths: Span(1, 20), Offsets: Span(0, 7),
}

func TestPlanAgrees(t *testing.T) {
	var pairs []side.Pair
	for _, name := range []string{maxName, mulName, storeName} {
		f := lookup(t, name)
		pairs = append(pairs, pairOf(f, f))
	}
	calls := 0
	all, err := smallPlan.Run(context.Background(), pairs, 2, func(Agreement) { calls++ })
	if err != nil || len(all) != 3 || calls != 3 {
		t.Fatalf("%d results after %d calls of done, error %v", len(all), calls, err)
	}
	rows := int64(len(smallPlan.rows()) * len(smallPlan.Offsets))
	for i, a := range all {
		want := rows
		if pairs[i].Family.Stores() {
			want += rows / 8 // once in place for each row
		}
		if a.Kernel != pairs[i].Name || a.Inputs != want || a.Bits != 0 || len(a.Differences) != 0 {
			t.Errorf("%+v, want %s on %d inputs without a difference", a, pairs[i].Name, want)
		}
		if a.Values != want*21/2 {
			t.Errorf("%s: %d values, want %d", a.Kernel, a.Values, want*21/2)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if all, err := smallPlan.Run(ctx, pairs, 2, nil); !errors.Is(err, context.Canceled) || len(all) != 0 {
		t.Errorf("cancelled: %d results, error %v", len(all), err)
	}
}

// TestPlanFindsFaults plants mistakes of memory and of single bits. Mistakes of
// arithmetic are in TestPlanFindsArithmetic.
func TestPlanFindsFaults(t *testing.T) {
	mul, rmax, store := lookup(t, mulName), lookup(t, maxName), lookup(t, storeName)
	half := model.Func(ukernel.MustParse("f16_vmulc_ukernel__f16c_u8"), model.Fault{})
	flip := func(x float32) float32 { return math.Float32frombits(math.Float32bits(x) ^ 1) }
	for _, c := range []struct {
		name  string
		ref   ukernel.Func
		ours  ukernel.Func
		place string
	}{
		{"flipped bit in one element", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			mul.VMulC(dst, src, c)
			if len(dst) == 13 {
				dst[7] = flip(dst[7])
			}
		}}, "dst[7]"},
		{"flipped bit in the sum", store, ukernel.Func{RAddStoreExpMinusMax: func(dst, src []float32, max float32) float32 {
			return flip(store.RAddStoreExpMinusMax(dst, src, max))
		}}, "value"},
		{"last element not written", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			if n := len(src) - 1; n > 0 {
				mul.VMulC(dst[:n], src[:n], c)
			}
		}}, "dst[0]"},
		{"one element too many written", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			n := len(src)
			mul.VMulC(dst, src, c)
			beyond(dst)[n] = 1
		}}, "dst[1], after the row,"},
		{"one 16-bit element too many written", half, ukernel.Func{F16VMulC: func(dst, src []uint16, c uint16) {
			half.F16VMulC(dst, src, c)
			beyond(dst)[len(dst)] = 1
		}}, "dst[1], after the row,"},
		{"flipped bit in a 16-bit element", half, ukernel.Func{F16VMulC: func(dst, src []uint16, c uint16) {
			half.F16VMulC(dst, src, c)
			dst[0] ^= 1
		}}, "dst[0]"},
		{"last 16-bit element not written", half, ukernel.Func{F16VMulC: func(dst, src []uint16, c uint16) {
			if n := len(src) - 1; n > 0 {
				half.F16VMulC(dst[:n], src[:n], c)
			}
		}}, "dst[0]"},
		{"element before the row written", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			mul.VMulC(dst, src, c)
			before(dst)[0] = 1
		}}, "dst[-1], before the row,"},
		{"one element too many read", rmax, ukernel.Func{RMax: func(src []float32) float32 {
			return rmax.RMax(beyond(src)[:len(src)+1])
		}}, "value"},
		{"last element not read", rmax, ukernel.Func{RMax: func(src []float32) float32 {
			return rmax.RMax(src[:max(1, len(src)-1)])
		}}, "value"},
		{"row overwritten", rmax, ukernel.Func{RMax: func(src []float32) float32 {
			m := rmax.RMax(src)
			src[0] = flip(src[0])
			return m
		}}, "src[0], which was overwritten,"},
		{"row overwritten, not in place", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			inPlace := &dst[0] == &src[0]
			if mul.VMulC(dst, src, c); !inPlace {
				src[0] = flip(src[0])
			}
		}}, "src[0], which was overwritten,"},
		{"wrong in place alone", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			inPlace := &dst[0] == &src[0]
			if mul.VMulC(dst, src, c); inPlace {
				dst[0] = flip(dst[0])
			}
		}}, "dst[0]"},
		{"wrong at an offset, not in place", mul, ukernel.Func{VMulC: func(dst, src []float32, c float32) {
			inPlace, place := &dst[0] == &src[0], uintptr(unsafe.Pointer(&src[0]))/4%16
			if mul.VMulC(dst, src, c); !inPlace && place == uintptr(slices.Max(smallPlan.Offsets)) {
				dst[0] = flip(dst[0])
			}
		}}, "dst[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.ours.Name = c.ref.Name
			p := pairOf(c.ref, c.ours)
			all, err := smallPlan.Run(context.Background(), []side.Pair{p}, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			a := all[0]
			if a.Bits == 0 || len(a.Differences) == 0 {
				t.Fatalf("not found: %+v", a)
			}
			if len(a.Differences) > MaxDifferences {
				t.Errorf("%d differences kept", len(a.Differences))
			}
			d := a.Differences[0]
			if d.Place != c.place {
				t.Errorf("found at %q, want %q", d.Place, c.place)
			}
			if s := d.String(); !strings.HasPrefix(s, c.ref.Name+", length ") || !strings.Contains(s, d.Ref.String()) {
				t.Errorf("message %q does not tell the kernel, the length and the bits", s)
			}
			if !strings.Contains(d.Repeat, "--kernels '^"+c.ref.Name+"$' --lengths ") {
				t.Errorf("%q does not repeat the comparison", d.Repeat)
			}
		})
	}
}

// beyond is s with one element more, before s from one element earlier: what a
// kernel with a mistake reaches.
func beyond[T any](s []T) []T { return unsafe.Slice(unsafe.SliceData(s), len(s)+1) }

func before(s []float32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), -4)), len(s)+1)
}

// TestTwoPassNaN holds what is compared of a two-pass softmax: everything, unless
// the sum is a NaN.
func TestTwoPassNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	algorithm := func(mantissa, exponent, output float32) ukernel.Composition {
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
		{"equal", algorithm(1, 2, 0.5), algorithm(1, 2, 0.5), true},
		{"outputs differ", algorithm(1, 2, 0.5), algorithm(1, 2, 0.25), false},
		{"exponents differ", algorithm(1, 2, 0.5), algorithm(1, 3, 0.5), false},
		{"sum is NaN", algorithm(nan, 2, nan), algorithm(nan, inf, inf), true},
		{"one sum is NaN", algorithm(nan, 2, nan), algorithm(1, 2, 1), false},
	} {
		s := side.Softmax{Ref: c.ref, Ours: c.ours}
		for _, inPlace := range []bool{false, true} {
			a := Check(s.Pair(), Case{Class: inputs.Normal, Length: 5, InPlace: inPlace})
			if (a.Bits == 0) != c.same {
				t.Errorf("%s: %+v, want the same: %v", c.name, a, c.same)
			}
		}
	}
}
