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
// Kernels with twosum in their names carry what their sums round off, so that
// the error of a sum does not grow with its length: with float32 accumulators
// alone, 64 equal terms in a lane cost 16 units in the last place. Those with
// floor take -Inf for a number that adds nothing, where the others make NaN or,
// on AVX-512, may lose one.
//
// Those of RAddMaxExpMinusMax, which sum like those of RAddExpMinusMax, VAdd, VKeep and
// the conversions may be missing.
var preferred = [...][]string{
	ukernel.RMax: {
		"f32_rmax_ukernel__avx512f_u64_acc4",
		"f32_rmax_ukernel__avx_u32_acc4",
		"f32_rmax_ukernel__sse_u16_acc4",
		"f32_rmax_ukernel__neon_u16_acc4",
		"f32_rmax_ukernel__scalar_u4_acc4",
	},
	ukernel.RAddExtExp: {
		"f32_raddextexp_ukernel__avx512f_p6_scalef_floor_twosum_u128",
		"f32_raddextexp_ukernel__avx2_p6_floor_twosum_u64",
		"f32_raddextexp_ukernel__neonfma_p6_floor_twosum_u16",
		"f32_raddextexp_ukernel__scalar_p6_floor_twosum_u4",
	},
	ukernel.VScaleExtExp: {
		"f32_vscaleextexp_ukernel__avx512f_p6_scalef_floor_u64",
		"f32_vscaleextexp_ukernel__avx2_p6_floor_u32",
		"f32_vscaleextexp_ukernel__neonfma_p6_floor_u16",
		"f32_vscaleextexp_ukernel__scalar_p6_floor_u1",
	},
	ukernel.RAddExpMinusMax: {
		"f32_raddexpminusmax_ukernel__avx512skx_exp2_p5_scalef_twosum_u192",
		"f32_raddexpminusmax_ukernel__avx512f_rr2_p6_twosum_u128",
		"f32_raddexpminusmax_ukernel__avx2_exp2_lut8_p3_twosum_u96",
		"f32_raddexpminusmax_ukernel__sse2_rr2_p6_twosum_u16",
		"f32_raddexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32",
		"f32_raddexpminusmax_ukernel__neonfma_rr2_p6_twosum_u16",
		"f32_raddexpminusmax_ukernel__neon_rr2_p6_twosum_u16",
		"f32_raddexpminusmax_ukernel__scalar_rr2_p6_twosum_u4",
	},
	ukernel.VScaleExpMinusMax: {
		"f32_vscaleexpminusmax_ukernel__avx512skx_exp2_p5_scalef_u64",
		"f32_vscaleexpminusmax_ukernel__avx512f_rr2_p6_u64",
		"f32_vscaleexpminusmax_ukernel__avx2_exp2_lut8_p3_u32",
		"f32_vscaleexpminusmax_ukernel__sse2_rr2_p6_u16",
		"f32_vscaleexpminusmax_ukernel__neonfma_exp2_p5_u16",
		"f32_vscaleexpminusmax_ukernel__neonfma_rr2_p6_u16",
		"f32_vscaleexpminusmax_ukernel__neon_rr2_p6_u16",
		"f32_vscaleexpminusmax_ukernel__scalar_rr2_p6_u1",
	},
	ukernel.RAddStoreExpMinusMax: {
		"f32_raddstoreexpminusmax_ukernel__avx512skx_exp2_p5_scalef_twosum_u192",
		"f32_raddstoreexpminusmax_ukernel__avx512f_rr2_p6_twosum_u128",
		"f32_raddstoreexpminusmax_ukernel__avx2_exp2_lut8_p3_twosum_u96",
		"f32_raddstoreexpminusmax_ukernel__sse2_rr2_p6_twosum_u16",
		"f32_raddstoreexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32",
		"f32_raddstoreexpminusmax_ukernel__neonfma_rr2_p6_twosum_u16",
		"f32_raddstoreexpminusmax_ukernel__neon_rr2_p6_twosum_u16",
		"f32_raddstoreexpminusmax_ukernel__scalar_rr2_p6_twosum_u4",
	},
	ukernel.VMulC: {
		"f32_vmulc_ukernel__avx512f_u32",
		"f32_vmulc_ukernel__avx_u16",
		"f32_vmulc_ukernel__sse_u8",
		"f32_vmulc_ukernel__neon_u8",
		"f32_vmulc_ukernel__scalar_u4",
	},
	ukernel.VSubC2: {
		"f32_vsubc2_ukernel__avx512f_u64",
		"f32_vsubc2_ukernel__avx_u32",
		"f32_vsubc2_ukernel__sse_u16",
		"f32_vsubc2_ukernel__neon_u16",
		"f32_vsubc2_ukernel__scalar_u8",
	},
	ukernel.RAddMaxExpMinusMax: {
		"f32_raddmaxexpminusmax_ukernel__avx512skx_exp2_p5_scalef_twosum_u192",
		"f32_raddmaxexpminusmax_ukernel__avx2_exp2_lut8_p3_twosum_u96",
		"f32_raddmaxexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32",
	},
	ukernel.VAdd: {
		"f32_vadd_ukernel__avx512f_u64",
		"f32_vadd_ukernel__avx_u32",
	},
	ukernel.VKeep: {
		"f32_vkeep_ukernel__avx512f_u64",
		"f32_vkeep_ukernel__avx2_u32",
	},
	ukernel.WidenF16: {
		"f16_f32_vcvt_ukernel__avx512f_u64",
		"f16_f32_vcvt_ukernel__avx2_u32",
	},
	ukernel.NarrowF16: {
		"f32_f16_vcvt_ukernel__avx512f_u64",
		"f32_f16_vcvt_ukernel__avx2_u32",
	},
	ukernel.WidenBF16: {
		"bf16_f32_vcvt_ukernel__avx512f_u64",
		"bf16_f32_vcvt_ukernel__avx2_u32",
	},
	ukernel.NarrowBF16: {
		"f32_bf16_vcvt_ukernel__avx512f_u64",
		"f32_bf16_vcvt_ukernel__avx2_u32",
	},
}

// preferredRows names the kernels that do whole rows, without the family: the
// first those of up to its tile, the second longer ones.
var preferredRows = [][2]string{
	{"_ukernel__avx512skx_exp2_p5_scalef_u128", "_ukernel__avx512skx_exp2_p5_scalef_twosum_u192"},
	{"_ukernel__avx2_exp2_lut8_p3_u64", "_ukernel__avx2_exp2_lut8_p3_twosum_u96"},
	{"_ukernel__neonfma_exp2_p5_u32", "_ukernel__neonfma_exp2_p5_twosum_u32"},
}

// preferredStream names kernels that write around the caches, with the bits of
// those above.
var preferredStream = map[ukernel.Family][]string{
	ukernel.VScaleExtExp: {
		"f32_vscaleextexp_ukernel__avx512f_p6_scalef_floor_nt_u64",
		"f32_vscaleextexp_ukernel__avx2_p6_floor_nt_u32",
	},
	ukernel.VScaleExpMinusMax: {
		"f32_vscaleexpminusmax_ukernel__avx512skx_exp2_p5_scalef_nt_u64",
		"f32_vscaleexpminusmax_ukernel__avx2_exp2_lut8_p3_nt_u32",
	},
	ukernel.VSubC2: {
		"f32_vsubc2_ukernel__avx512f_nt_u64",
		"f32_vsubc2_ukernel__avx_nt_u32",
	},
}

// rowsKernel is a kernel that does whole rows, see [ukernel.Func].
type rowsKernel = func(dst, src []float32, rows, cols, dstStride, srcStride int) (done int)

// scaledKernel does the same with rows times a scale.
type scaledKernel = func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) (done int)

// engine is the set of kernels that one level of instructions runs. It does not
// change once made.
type engine struct {
	isa    ukernel.ISA
	extISA ukernel.ISA // of addExt

	// One kernel per family, unchecked; a family without a kernel has no name.
	kernels [len(preferred)]ukernel.Func
	// Those that write around the caches.
	stream [len(preferred)]ukernel.Func
	// The same by name, to be called.
	rmax     func(src []float32) float32
	addExt   func(src []float32) (mantissa, exponent float32)
	scaleExt func(dst, src []float32, mantissa, exponent float32)
	add      func(src []float32, max float32) float32
	addMax   func(src []float32, max float32) (sum, top float32)
	scale    func(dst, src []float32, scale, max float32)
	addStore func(dst, src []float32, max float32) float32
	mul      func(dst, src []float32, c float32)
	sub2     func(dst, src []float32, a, b float32)
	vadd     func(dst, src, other []float32)
	keep     func(dst, src []float32, keep []bool)

	widenF16, widenBF16   func(dst []float32, src []uint16)
	narrowF16, narrowBF16 func(dst []uint16, src []float32)
	// Those of whole rows, of up to shortLen elements and of more; nil and 0 if there
	// are none.
	short, long             [opLogSumExp]rowsKernel
	shortScaled, longScaled [opLogSumExp]scaledKernel
	shortName, longName     string
	shortLen                int
	// Those that write around the caches, or the same where there are none.
	scaleExtStream func(dst, src []float32, mantissa, exponent float32)
	scaleStream    func(dst, src []float32, scale, max float32)
	sub2Stream     func(dst, src []float32, a, b float32)
}

// newEngine collects the kernels of a level, those of narrower ISAs included.
func newEngine(level ukernel.ISA) *engine {
	e := &engine{isa: level}
	byName := make(map[string]ukernel.Func, len(table))
	for _, f := range table {
		byName[f.Name] = f
	}
	first := func(names []string) ukernel.Func {
		for _, name := range names {
			f, ok := byName[name]
			if isa := ukernel.MustParse(name).ISA; ok && isa <= level && isa.Supported() {
				return f
			}
		}
		return ukernel.Func{}
	}
	for family, names := range preferred {
		e.kernels[family] = first(names)
		// Only one of the same bits will do.
		e.stream[family] = e.kernels[family]
		if f := first(preferredStream[ukernel.Family(family)]); f.Name != "" && ukernel.MustParse(f.Name).ISA == ukernel.MustParse(e.kernels[family].Name).ISA {
			e.stream[family] = f
		}
	}
	e.scaleExtStream = e.stream[ukernel.VScaleExtExp].VScaleExtExp
	e.scaleStream = e.stream[ukernel.VScaleExpMinusMax].VScaleExpMinusMax
	e.sub2Stream = e.stream[ukernel.VSubC2].VSubC2
	for _, names := range preferredRows {
		of := func(f ukernel.Family, name string) ukernel.Func { return first([]string{f.String() + name}) }
		plain := func(name string) (string, [opLogSumExp]rowsKernel) {
			f := of(ukernel.Softmax, name)
			return f.Name, [...]rowsKernel{opSoftmax: f.Softmax, opLogSoftmax: of(ukernel.LogSoftmax, name).LogSoftmax}
		}
		scaled := func(name string) [opLogSumExp]scaledKernel {
			return [...]scaledKernel{opSoftmax: of(ukernel.ScaledSoftmax, name).ScaledSoftmax, opLogSoftmax: of(ukernel.ScaledLogSoftmax, name).ScaledLogSoftmax}
		}
		if e.shortName, e.short = plain(names[0]); e.shortName != "" {
			e.shortLen = ukernel.MustParse(e.shortName).MaxLength()
			e.longName, e.long = plain(names[1])
			e.shortScaled, e.longScaled = scaled(names[0]), scaled(names[1])
			break
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
	e.sub2 = k[ukernel.VSubC2].VSubC2
	// Of the same bits as add, or none.
	if f := k[ukernel.RAddMaxExpMinusMax]; f.Name != "" && ukernel.MustParse(f.Name).ISA == ukernel.MustParse(k[ukernel.RAddExpMinusMax].Name).ISA {
		e.addMax = f.RAddMaxExpMinusMax
	}
	e.vadd, e.keep = k[ukernel.VAdd].VAdd, k[ukernel.VKeep].VKeep
	if e.vadd == nil {
		e.vadd = addRows
	}
	if e.keep == nil {
		e.keep = keepRow
	}
	e.widenF16, e.narrowF16 = k[ukernel.WidenF16].WidenF16, k[ukernel.NarrowF16].NarrowF16
	e.widenBF16, e.narrowBF16 = k[ukernel.WidenBF16].WidenBF16, k[ukernel.NarrowBF16].NarrowBF16
	if e.widenF16 == nil {
		e.widenF16, e.narrowF16, e.widenBF16, e.narrowBF16 = widenF16, narrowF16, widenBF16, narrowBF16
	}
	e.extISA = ukernel.MustParse(k[ukernel.RAddExtExp].Name).ISA
	return e
}

// rows is the kernel for whole rows of cols elements, nil if there is none. Rows of
// more than oneBlock have better than its three passes.
func (e *engine) rows(o op, cols int) rowsKernel {
	switch {
	case cols <= e.shortLen:
		return e.short[o]
	case cols <= oneBlock:
		return e.long[o]
	}
	return nil
}

// scaled is that for rows times a scale.
func (e *engine) scaled(o op, cols int) scaledKernel {
	switch {
	case cols <= e.shortLen:
		return e.shortScaled[o]
	case cols <= oneBlock:
		return e.longScaled[o]
	}
	return nil
}

// available reports whether this build has kernels of the ISA and this CPU runs
// them. The error says which of the two is not so.
func available(isa ukernel.ISA) error {
	if int(isa) >= len(ukernel.ISAs()) {
		return fmt.Errorf("native: %v does not exist", isa)
	}
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
