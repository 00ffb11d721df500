package twins

import (
	"errors"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestRegistry holds that each name is listed once, parses, and has the one
// function of its family; and that Lookup gives it where the CPU runs it, to be
// called without allocating.
func TestRegistry(t *testing.T) {
	seen := make(map[string]bool)
	for i, k := range Kernels() {
		if seen[k.Name] {
			t.Errorf("%s is listed twice", k)
		}
		seen[k.Name] = true
		f := table[i]
		for family, has := range map[ukernel.Family]bool{
			ukernel.RMax:                 f.RMax != nil,
			ukernel.RAddExtExp:           f.RAddExtExp != nil,
			ukernel.VScaleExtExp:         f.VScaleExtExp != nil,
			ukernel.RAddExpMinusMax:      f.RAddExpMinusMax != nil,
			ukernel.VScaleExpMinusMax:    f.VScaleExpMinusMax != nil,
			ukernel.RAddStoreExpMinusMax: f.RAddStoreExpMinusMax != nil,
			ukernel.VMulC:                f.VMulC != nil,

			ukernel.F16RMax:                 f.F16RMax != nil,
			ukernel.F16RAddStoreExpMinusMax: f.F16RAddStoreExpMinusMax != nil,
			ukernel.F16VMulC:                f.F16VMulC != nil,
			ukernel.U8RMax:                  f.U8RMax != nil,
			ukernel.U8LUT32Norm:             f.U8LUT32Norm != nil,
		} {
			if has != (family == k.Family) {
				t.Errorf("%s: has a function of %v: %v", k, family, has)
			}
		}
		checked, err := Lookup(k.Name)
		var unsupported *ukernel.UnsupportedError
		if k.ISA.Supported() && err != nil || !k.ISA.Supported() && !errors.As(err, &unsupported) {
			t.Errorf("Lookup(%q): %v on a CPU with %v: %v", k.Name, err, k.ISA, k.ISA.Supported())
		}
		if err != nil {
			continue
		}
		src := inputs.Uniform10.Row(0, 16)
		a := inputs.Args(k.Family, 0, src)
		a.Dst = make([]float32, len(src))
		if n := testing.AllocsPerRun(20, func() { checked.Call(a) }); n > 0 {
			t.Errorf("%s: %v allocations", k, n)
		}
	}
	if _, err := Lookup("f32_rmax_ukernel__scalar_u999"); !errors.Is(err, ukernel.ErrUnknownKernel) {
		t.Errorf("error %v, want ErrUnknownKernel", err)
	}
}
