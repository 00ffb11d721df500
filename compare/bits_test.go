package compare

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"unsafe"

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
		if got := DifferingBits(c.a, c.b); got != c.want {
			t.Errorf("DifferingBits(%v, %v) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// pairOf pairs two functions of one kernel.
func pairOf(ref, ours ukernel.Func) Pair {
	return Pair{Kernel: ukernel.MustParse(ref.Name), Ref: ref, Ours: ours}
}

func lookup(t *testing.T, name string) ukernel.Func {
	t.Helper()
	f, err := Native().Lookup(name)
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
	var pairs []Pair
	for _, name := range []string{maxName, mulName, storeName} {
		f := lookup(t, name)
		pairs = append(pairs, pairOf(f, f))
	}
	calls := 0
	all, err := smallPlan.Run(context.Background(), Subjects(pairs), 2, func(Agreement) { calls++ })
	if err != nil || len(all) != 3 || calls != 3 {
		t.Fatalf("%d results after %d calls of done, error %v", len(all), calls, err)
	}
	rows := int64(smallPlan.Rows())
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
	if all, err := smallPlan.Run(ctx, Subjects(pairs), 2, nil); !errors.Is(err, context.Canceled) || len(all) != 0 {
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
	} {
		t.Run(c.name, func(t *testing.T) {
			c.ours.Name = c.ref.Name
			p := pairOf(c.ref, c.ours)
			all, err := smallPlan.Run(context.Background(), []Subject{p.Subject()}, 1, nil)
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

func TestMatch(t *testing.T) {
	side := func(name string, kernels ...string) Side {
		s := Side{Name: name, Lookup: func(k string) (ukernel.Func, error) {
			if k == maxName {
				return ukernel.Func{}, errors.New(name + " can't")
			}
			return ukernel.Func{Name: k}, nil
		}}
		for _, k := range kernels {
			s.Kernels = append(s.Kernels, ukernel.MustParse(k))
		}
		return s
	}
	pairs := Match(side("ref", mulName, maxName, storeName), side("ours", maxName, "f32_vmulc_ukernel__scalar_u8", mulName))
	can, cannot := Runnable(pairs)
	if len(can) != 1 || can[0].Name != mulName || can[0].Ref.Name != mulName {
		t.Errorf("can run: %v", can)
	}
	if len(cannot) != 1 || cannot[0].Name != maxName || cannot[0].Err.Error() != "ref can't" {
		t.Errorf("can't run: %v", cannot)
	}
	if pairs[0].Name != maxName {
		t.Errorf("%s first, want the order of families", pairs[0].Name)
	}
}

// beyond is s with one element more, before s from one element earlier: what a
// kernel with a mistake reaches.
func beyond[T any](s []T) []T { return unsafe.Slice(unsafe.SliceData(s), len(s)+1) }

func before(s []float32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), -4)), len(s)+1)
}
