package compare

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

func TestGroups(t *testing.T) {
	native := side.Native().Kernels
	total := 0
	for _, g := range Groups(native) {
		total += len(g)
		for _, k := range g {
			if k.Family != g[0].Family || k.ISA != g[0].ISA || k.Variant != g[0].Variant || !k.ISA.Supported() {
				t.Errorf("%s is in one group with %s", k, g[0])
			}
		}
	}
	want := 0
	for _, k := range native {
		if k.ISA.Supported() {
			want++
		}
	}
	if total != want {
		t.Errorf("%d kernels in groups, want %d", total, want)
	}
}

// TestChoose runs on a clock that only the kernels move.
func TestChoose(t *testing.T) {
	slow := "f32_vmulc_ukernel__scalar_u2"
	var clock time.Duration
	side := side.Side{Lookup: func(name string) (ukernel.Func, error) {
		f := ukernel.Func{Name: name, VMulC: func(dst, src []float32, c float32) { clock += 100 }}
		if name == slow {
			f.VMulC = func(dst, src []float32, c float32) { clock += 150 }
		}
		return f, nil
	}}
	group := []ukernel.Kernel{ukernel.MustParse(slow), ukernel.MustParse(mulName), ukernel.MustParse("f32_vmulc_ukernel__scalar_u8")}
	c, err := NewWorkload(10).Choose(Timer{now: func() time.Duration { return clock }}, side, group)
	if err != nil {
		t.Fatal(err)
	}
	if c.Family != "f32_vmulc" || c.ISA != "scalar" || c.Variant != "" || c.Elements != 10 || len(c.Candidates) != 3 {
		t.Errorf("%+v", c)
	}
	last := c.Candidates[2]
	if last.Kernel != slow || last.Ratio != (Interval{1.5, 1.5, 1.5}) || last.NS.Median != 15 || c.Candidates[0].Ratio != (Interval{}) {
		t.Errorf("%+v, want %s last", c.Candidates, slow)
	}
	side.Lookup = func(string) (ukernel.Func, error) { return ukernel.Func{}, errors.New("no") }
	if _, err := NewWorkload(1).Choose(Timer{}, side, group); err == nil {
		t.Error("no error for a kernel that can't be looked up")
	}
}

func TestChooseAuto(t *testing.T) {
	lengths := []int{10, 100, 1000, 10000}
	store := []float64{1, 1, 1, 4}
	// From 100 or from 10,000 loses a factor of 2 at 1,000 or nothing.
	if from, ratio := ChooseAuto(lengths, store, []float64{2, 1, 2, 1}); from != 10000 || ratio != 1 {
		t.Errorf("from %d, ratio %v", from, ratio)
	}
	// From 100 loses 1.5 at 1,000, from 10,000 loses 2 at 100.
	if from, ratio := ChooseAuto(lengths, store, []float64{2, 0.5, 1.5, 1}); from != 100 || math.Abs(ratio-math.Pow(1.5, 0.25)) > 1e-12 {
		t.Errorf("from %d, ratio %v", from, ratio)
	}
	if from, ratio := ChooseAuto(lengths, store, []float64{2, 2, 3, 5}); from != 0 || ratio != 1 {
		t.Errorf("from %d, ratio %v, want 0 for all", from, ratio)
	}
	if from, ratio := ChooseAuto(lengths, store, []float64{0.5, 0.5, 0.5, 3}); from != 10 || ratio != 1 {
		t.Errorf("from %d, ratio %v, want 10", from, ratio)
	}
}
