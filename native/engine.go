package native

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// preferred names the kernels that the functions use, for each family the best
// first. An engine takes the first that its level allows and that this build
// and this CPU have.
//
// Missing on purpose: the avx512f scalef variants of the minusmax families,
// which give infinity for x - max below about -2e15, and avx512f raddextexp,
// which loses a NaN that shares its lane with -Inf.
var preferred = [...][]string{
	ukernel.RMax: {
		"f32_rmax_ukernel__avx512f_u64_acc4",
		"f32_rmax_ukernel__avx_u32_acc4",
		"f32_rmax_ukernel__sse_u16_acc4",
		"f32_rmax_ukernel__neon_u16_acc4",
		"f32_rmax_ukernel__scalar_u4_acc4",
	},
	ukernel.RAddExtExp: {
		"f32_raddextexp_ukernel__avx2_p5_u96_acc6",
		"f32_raddextexp_ukernel__neonfma_p5_u16_acc4",
		"f32_raddextexp_ukernel__scalar_fma_p5_u4_acc4",
	},
	ukernel.VScaleExtExp: {
		"f32_vscaleextexp_ukernel__avx2_p5_u32",
		"f32_vscaleextexp_ukernel__neonfma_p5_u16",
		"f32_vscaleextexp_ukernel__scalar_fma_p5_u4",
	},
	ukernel.RAddExpMinusMax: {
		"f32_raddexpminusmax_ukernel__avx2_p5_u96_acc6",
	},
	ukernel.VScaleExpMinusMax: {
		"f32_vscaleexpminusmax_ukernel__avx2_p5_u32",
	},
	ukernel.RAddStoreExpMinusMax: {
		"f32_raddstoreexpminusmax_ukernel__avx512f_rr2_p5_u64_acc4",
		"f32_raddstoreexpminusmax_ukernel__avx256skx_rr2_p5_u32_acc4",
		"f32_raddstoreexpminusmax_ukernel__avx2_rr1_p5_u32_acc4",
		"f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u16_acc4",
		"f32_raddstoreexpminusmax_ukernel__neonfma_rr1_p5_u16_acc4",
		"f32_raddstoreexpminusmax_ukernel__neon_rr2_p5_u16_acc4",
		"f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc4",
	},
	ukernel.VMulC: {
		"f32_vmulc_ukernel__avx512f_u32",
		"f32_vmulc_ukernel__avx_u16",
		"f32_vmulc_ukernel__sse_u8",
		"f32_vmulc_ukernel__neon_u8",
		"f32_vmulc_ukernel__scalar_u4",
	},
}

// chain is how many terms of a sum a lane of a kernel's accumulators takes
// before the sum goes on in float64. Four equal terms add up without any
// rounding error; the error of longer chains grows with their length, and 64
// terms already cost 16 units in the last place.
const chain = 4

// engine is the set of kernels that one level of instructions runs. It does not
// change once made.
type engine struct {
	isa    ukernel.ISA
	extISA ukernel.ISA // of addExt

	// One kernel per family, unchecked; a family without a kernel has no name.
	kernels [len(preferred)]ukernel.Func
	// The same by name, to be called.
	rmax      func(src []float32) float32
	addExt    func(src []float32) (mantissa, exponent float32)
	scaleExt  func(dst, src []float32, mantissa, exponent float32)
	add       func(src []float32, max float32) float32
	scale     func(dst, src []float32, scale, max float32)
	addStore  func(dst, src []float32, max float32) float32
	mul       func(dst, src []float32, c float32)
	extBlock  int // elements per call of addExt, see chain
	addBlock  int // elements per call of add, or of addStore in its place
	storBlock int // elements per call of addStore
}

// newEngine collects the kernels of a level, those of narrower ISAs included.
func newEngine(level ukernel.ISA) *engine {
	e := &engine{isa: level}
	byName := make(map[string]ukernel.Func, len(table))
	for _, f := range table {
		byName[f.Name] = f
	}
	for family, names := range preferred {
		for _, name := range names {
			f, ok := byName[name]
			if isa := ukernel.MustParse(name).ISA; ok && isa <= level && isa.Supported() {
				e.kernels[family] = f
				break
			}
		}
	}
	k := &e.kernels
	e.rmax = k[ukernel.RMax].RMax
	e.addExt = k[ukernel.RAddExtExp].RAddExtExp
	e.scaleExt = k[ukernel.VScaleExtExp].VScaleExtExp
	e.add = k[ukernel.RAddExpMinusMax].RAddExpMinusMax
	e.scale = k[ukernel.VScaleExpMinusMax].VScaleExpMinusMax
	e.addStore = k[ukernel.RAddStoreExpMinusMax].RAddStoreExpMinusMax
	e.mul = k[ukernel.VMulC].VMulC
	if e.addExt != nil {
		e.extISA = ukernel.MustParse(k[ukernel.RAddExtExp].Name).ISA
	}
	e.extBlock = sumBlock(k[ukernel.RAddExtExp].Name)
	e.storBlock = sumBlock(k[ukernel.RAddStoreExpMinusMax].Name)
	e.addBlock = e.storBlock
	if e.add != nil {
		e.addBlock = sumBlock(k[ukernel.RAddExpMinusMax].Name)
	}
	return e
}

// sumBlock is the number of elements that a call of the named reduction may
// sum, zero without a name.
func sumBlock(name string) int {
	if name == "" {
		return 0
	}
	k := ukernel.MustParse(name)
	return min(chain*k.Lanes()*k.Accumulators, scratchLen)
}

// has reports whether the engine has the kernels of an algorithm. Where a
// three-pass form lacks a kernel, another one is used in its place, so that
// only the two-pass kernels can be missing.
func (e *engine) has(a ukernel.Algorithm) bool {
	return a != ukernel.TwoPass || e.addExt != nil && e.scaleExt != nil
}

// available reports whether this build has kernels of the ISA and this CPU runs
// them. The error says which of the two is not so.
func available(isa ukernel.ISA) error {
	if !isa.Supported() {
		if arch := isa.Arch(); arch != "" && arch != runtime.GOARCH {
			return fmt.Errorf("native: %v is of %s, this program runs on %s", isa, arch, runtime.GOARCH)
		}
		return fmt.Errorf("native: this CPU has no %v", isa)
	}
	for _, f := range table {
		if ukernel.MustParse(f.Name).ISA == isa {
			return nil
		}
	}
	return fmt.Errorf("native: this build has no kernels for %v (it is built with the purego tag)", isa)
}

// best is the widest ISA that this build and this CPU have, up to limit.
func best(limit ukernel.ISA) ukernel.ISA {
	found := ukernel.Scalar
	for _, isa := range ukernel.ISAs() {
		if isa <= limit && available(isa) == nil {
			found = isa
		}
	}
	return found
}

// levels lists the levels that can be forced here.
func levels() (isas []ukernel.ISA) {
	for _, isa := range ukernel.ISAs() {
		if available(isa) == nil {
			isas = append(isas, isa)
		}
	}
	return isas
}

func levelNames(isas []ukernel.ISA) string {
	names := make([]string, len(isas))
	for i, isa := range isas {
		names[i] = isa.String()
	}
	return strings.Join(names, ", ")
}
