package speed

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

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
	if last.Kernel != slow || last.Ratio != (Summary{1.5, 1.5, 1.5}) || last.NS.Median != 15 || c.Candidates[0].Ratio != (Summary{}) {
		t.Errorf("%+v, want %s last", c.Candidates, slow)
	}
	side.Lookup = func(string) (ukernel.Func, error) { return ukernel.Func{}, errors.New("no") }
	if _, err := NewWorkload(1).Choose(Timer{}, side, group); err == nil {
		t.Error("no error for a kernel that can't be looked up")
	}
}

const (
	maxName   = "f32_rmax_ukernel__scalar_u4_acc4"
	mulName   = "f32_vmulc_ukernel__scalar_u4"
	storeName = "f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc2"
)

// TestFastest holds that the slowest of several kernels is not chosen, and that
// what is chosen is composed.
func TestFastest(t *testing.T) {
	s := side.Native()
	s.Kernels = nil
	for _, name := range []string{"f32_rmax_ukernel__scalar_u1", maxName, mulName, storeName} {
		s.Kernels = append(s.Kernels, ukernel.MustParse(name))
	}
	lookup := s.Lookup
	s.Lookup = func(name string) (ukernel.Func, error) {
		f, err := lookup(name)
		if name == "f32_rmax_ukernel__scalar_u1" {
			f.RMax = func(src []float32) float32 {
				for begin := time.Now(); time.Since(begin) < 5*time.Microsecond; {
				}
				return 0
			}
		}
		return f, err
	}
	w := NewWorkload(100)
	var choices []Choice
	for _, f := range ukernel.ThreePassReload.Families() {
		c, err := w.Fastest(time.Millisecond, s, f)
		if err != nil {
			t.Fatal(err)
		}
		choices = append(choices, c)
	}
	if c := choices[0]; c.Candidates[0].Kernel != maxName || len(c.Candidates) != 2 || c.ISA != "scalar" || c.Elements != 100 {
		t.Errorf("%+v, want %s first of 2", c, maxName)
	}
	c, err := ComposeFastest(ukernel.ThreePassReload, s, choices)
	if err != nil || c.Algorithm() != ukernel.ThreePassReload || strings.Join(side.Names(&c), " ") != maxName+" "+storeName+" "+mulName {
		t.Errorf("%v of %v, %v", c.Algorithm(), side.Names(&c), err)
	}
	if _, err := ComposeFastest(ukernel.TwoPass, s, choices); err == nil || !strings.Contains(err.Error(), "native has no kernel of f32_raddextexp that runs here") {
		t.Errorf("error %v, want which family has none", err)
	}
	if _, err := w.Fastest(0, s, ukernel.RAddExtExp); err == nil || !strings.Contains(err.Error(), "no kernel of f32_raddextexp") {
		t.Errorf("error %v, want which family has none", err)
	}
}
