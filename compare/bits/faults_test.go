package bits

import (
	"context"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// TestPlanFindsArithmetic plants mistakes of arithmetic in the model of a kernel
// and holds that they are found, by the kernel's name, and explained.
func TestPlanFindsArithmetic(t *testing.T) {
	plan := Plan{Classes: inputs.Classes(), Seeds: []uint64{0, 1}, Lengths: []int{1, 7, 33, 70, 130, 257}, Offsets: []int{0, 5}}
	for _, c := range []struct {
		kernel string
		fault  model.Fault
	}{
		{"f32_rmax_ukernel__avx_u32_acc4", model.Fault{Kind: model.SwappedMax}},
		{"f32_rmax_ukernel__sse_u12_acc3", model.Fault{Kind: model.SwappedMax}},
		{"f32_raddextexp_ukernel__avx2_p5_u96_acc3", model.Fault{Kind: model.UnfusedFMA}},
		{"f32_raddextexp_ukernel__avx512f_p5_scalef_u128_acc4", model.Fault{Kind: model.OtherSum}},
		{"f32_raddexpminusmax_ukernel__avx2_p5_u64_acc4", model.Fault{Kind: model.MergedInLine}},
		{"f32_raddexpminusmax_ukernel__avx2_p5_u96_acc6", model.Fault{Kind: model.ShortTail}},
		{"f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u16_acc4", model.Fault{Kind: model.FusedMulAdd}},
		{"f32_raddstoreexpminusmax_ukernel__neonfma_rr1_lut64_p2_u16_acc4", model.Fault{Kind: model.UnfusedFMA}},
		{"f32_vscaleextexp_ukernel__avx2_p5_u40", model.Fault{Kind: model.UnfusedFMA, Name: "vt"}},
		{"f32_vscaleextexp_ukernel__avx2_p5_u40", model.Fault{Kind: model.ShortTail}},
		{"f32_vscaleexpminusmax_ukernel__avx512f_p5_scalef_u64", model.Fault{Kind: model.UnfusedFMA, Name: "vp"}},
	} {
		t.Run(c.kernel+"/"+c.fault.String(), func(t *testing.T) {
			t.Parallel()
			k := ukernel.MustParse(c.kernel)
			p := side.NewPair(k, model.Func(k, model.Fault{}), model.Func(k, c.fault))
			p.PureRef = true
			all, err := plan.Run(context.Background(), []side.Pair{p}, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			a := all[0]
			if a.Bits == 0 || len(a.Differences) == 0 {
				t.Fatalf("not found: %+v", a)
			}
			d := a.Differences[0]
			if s := d.String(); !strings.HasPrefix(s, c.kernel+", length ") {
				t.Errorf("message %q does not begin with the kernel and the row", s)
			}
			if c.fault.Kind == model.ShortTail && k.Family.Stores() {
				if d.Operation != "the element was not written" {
					t.Errorf("explained as %q", d.Operation)
				}
				return
			}
			// Several mistakes can have the same sum; an element tells them apart.
			if !strings.Contains(d.Operation, "as if by this mistake: ") ||
				k.Family.Stores() && !strings.Contains(d.Operation, c.fault.Kind.String()) {
				t.Errorf("%s\nis explained as %q, want a mistake of the kind %q", d, d.Operation, c.fault.Kind)
			}
		})
	}
}
