package scalar

import (
	"fmt"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Kernels lists the package's kernels, unchecked.
var Kernels = kernels()

func kernels() (fs []ukernel.Func) {
	for _, t := range []tiling{{1, 1}, {2, 2}, {3, 3}, {4, 2}, {4, 4}} {
		fs = append(fs, ukernel.Func{Name: t.name(ukernel.RMax, ""), RMax: t.rmax})
	}
	for _, t := range []tiling{{1, 1}, {2, 2}, {4, 2}, {4, 4}} {
		fs = append(fs,
			ukernel.Func{Name: t.name(ukernel.RAddStoreExpMinusMax, "rr2_p5"),
				RAddStoreExpMinusMax: t.raddstoreexpminusmax(expMinusMaxP5)},
			ukernel.Func{Name: t.name(ukernel.RAddStoreExpMinusMax, "rr2_lut64_p2"),
				RAddStoreExpMinusMax: t.raddstoreexpminusmax(expMinusMaxLUT64)})
	}
	for _, fused := range []bool{false, true} {
		variant := "p5"
		if fused {
			variant = "fma_p5"
		}
		for _, t := range []tiling{{1, 1}, {2, 1}, {2, 2}, {4, 1}, {4, 2}, {4, 4}, {8, 2}, {8, 4}} {
			fs = append(fs, ukernel.Func{Name: t.name(ukernel.RAddExtExp, variant), RAddExtExp: t.raddextexp(fused)})
		}
		for _, tile := range []int{1, 2, 4} {
			fs = append(fs, ukernel.Func{Name: tiling{tile, 1}.name(ukernel.VScaleExtExp, variant),
				VScaleExtExp: func(dst, src []float32, m, e float32) { vscaleextexp(dst, src, m, e, fused) }})
		}
	}
	for _, tile := range []int{1, 2, 4, 8} {
		fs = append(fs, ukernel.Func{Name: tiling{tile, 1}.name(ukernel.VMulC, ""), VMulC: vmulc})
	}
	for _, t := range []tiling{{1, 1}, {2, 2}, {3, 3}, {4, 2}, {4, 4}} {
		fs = append(fs, ukernel.Func{Name: t.name(ukernel.F16RMax, ""), F16RMax: f16rmax})
	}
	return append(fs,
		ukernel.Func{Name: "u8_rmax_ukernel__scalar_u2", U8RMax: u8rmax},
		ukernel.Func{Name: "u8_lut32norm_ukernel__scalar", U8LUT32Norm: u8lut32norm})
}

// tiling is the shape of a kernel's main loop: the number of elements that one
// turn takes, and the number of accumulators that they are dealt to in turn. The
// tile is a multiple of the accumulators.
type tiling struct{ tile, accs int }

// name is the name of the family's scalar kernel.
func (t tiling) name(f ukernel.Family, variant string) string {
	if variant != "" {
		variant += "_"
	}
	name := fmt.Sprintf("%v_ukernel__%v_%su%d", f, ukernel.Scalar, variant, t.tile)
	if t.accs > 1 {
		name += fmt.Sprintf("_acc%d", t.accs)
	}
	return name
}

// main is the number of elements that the main loop takes out of n.
func (t tiling) main(n int) int { return n - n%t.tile }

// vmulc writes x * c. The tile is not visible in the result.
func vmulc(dst, src []float32, c float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = x * c
	}
}
