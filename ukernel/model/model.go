// Package model computes the exact bits of any kernel in plain Go, one
// elementary operation at a time.
//
// It defines the bits that a kernel's name stands for. For each family it has the range
// reduction, the polynomial, the reconstruction, the order of accumulation, the merging of
// accumulators, the masked tail and the horizontal reduction once, over vectors with the ISA's
// number of lanes and a few operations with the ISA's semantics. It reproduces upstream as gcc
// compiles it, and so checks kernels where upstream can't run, and kernels that upstream lacks.
// [Trace] shows every operation with its operands, to explain a bit that differs.
//
// The algorithms are those of Dukhan and Ablavatski, "The Two-Pass Softmax
// Algorithm" (2020, arXiv 2001.04438). Upstream's templates interleave the
// vectors of a tile; here the operations on one vector stand together, which
// gives the same bits. Only one result depends on the compiler: the exponent of
// the avx512f kernels of f32_raddextexp, as [ukernel.Result.Same] says.
//
// A kernel's result does not depend on the place of its operands in memory.
// Dst may be Src.
package model

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Op is one elementary operation on one lane.
type Op struct {
	// Element is the index in Src of the lane's element, or -1 if it has none: beyond the
	// end, or where partial results are merged.
	Element int
	// Lane is the lane's index in its vector.
	Lane int
	// Name is what upstream's source calls the result, such as "vt".
	Name string
	// Func is the operation, such as "fma".
	Func string
	// Args are its operands in the order of the instruction that it stands for.
	Args   []float32
	Result float32
}

// String shows the operation with all numbers in hexadecimal, exactly, such as
//
//	element 17, lane 1: vt = fma(0x1p+00, -0x1.62e43p-01, 0x1p+00) = 0x1.3a37ap-02
func (o Op) String() string {
	var b strings.Builder
	if o.Element >= 0 {
		fmt.Fprintf(&b, "element %d, ", o.Element)
	}
	fmt.Fprintf(&b, "lane %d: %s = %s(", o.Lane, o.Name, o.Func)
	for i, x := range o.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%x", x)
	}
	fmt.Fprintf(&b, ") = %x", o.Result)
	return b.String()
}

// UnknownError is the error for a kernel whose combination of family, ISA and
// variant has no model.
type UnknownError struct{ Kernel ukernel.Kernel }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("model: no model of %s (family %v, ISA %v, variant %q)", e.Kernel, e.Kernel.Family, e.Kernel.ISA, e.Kernel.Variant)
}

// Run computes what kernel k computes. It writes to a.Dst if the family stores. Families of
// binary16 numbers and bytes use only the length of a.Src.
//
// The error is an [*UnknownError], or names the length that is wrong.
//
// The bits of the scalar f32_rmax depend on the architecture: it is the maxNum function of
// IEEE 754-2008 on arm64, and a comparison and a selection elsewhere. Run computes those of this
// architecture.
func Run(k ukernel.Kernel, a ukernel.Args) (ukernel.Result, error) {
	_, r, err := execute(k, a, runtime.GOARCH, Fault{}, nil)
	return r, err
}

// Trace is [Run], and calls visit after every operation.
func Trace(k ukernel.Kernel, a ukernel.Args, visit func(Op)) (ukernel.Result, error) {
	_, r, err := execute(k, a, runtime.GOARCH, Fault{}, visit)
	return r, err
}

// execute also returns the machine, which knows where a fault made a difference.
func execute(k ukernel.Kernel, a ukernel.Args, arch string, fault Fault, visit func(Op)) (m *machine, r ukernel.Result, err error) {
	if len(a.Src) == 0 {
		return nil, r, fmt.Errorf("model: %s: len(Src) is 0, it must be at least 1", k)
	}
	if k.Family.Stores() && len(a.Dst) != len(a.Src) {
		return nil, r, fmt.Errorf("model: %s: len(Dst) is %d, len(Src) is %d, they must be equal", k, len(a.Dst), len(a.Src))
	}
	second := len(a.Src)
	switch {
	case k.Family.Half() && len(a.Half) != len(a.Src):
		second = len(a.Half)
	case k.Family.Half() && k.Family.Stores():
		second = len(a.Dst16)
	case k.Family.Bytes() && len(a.Src8) != len(a.Src):
		second = len(a.Src8)
	case k.Family == ukernel.U8LUT32Norm:
		second = len(a.Dst8)
	}
	if second != len(a.Src) {
		return nil, r, fmt.Errorf("model: %s: the second row has %d elements, len(Src) is %d, they must be equal", k, second, len(a.Src))
	}
	v, ok := variants[key{group(k.Family), k.ISA, k.Variant}]
	if !ok || k.Tile < 1 || k.Accumulators < 1 {
		return nil, r, &UnknownError{k}
	}
	m = &machine{kernel: k, isa: v.isa, src: a.Src, visit: visit, fault: fault}
	if k.Family.Half() || k.Family.Bytes() {
		m.src = make([]float32, len(a.Src))
		for i := range m.src {
			if k.Family.Half() {
				m.src[i] = f32.FromHalf(a.Half[i]) // with the sign of a NaN
			} else {
				m.src[i] = float32(a.Src8[i])
			}
		}
	}
	if k.ISA == ukernel.Scalar && k.Family == ukernel.RMax && arch == "arm64" && fault.Kind != InOutMax {
		m.maximum = maxNum
	}
	switch k.Family {
	case ukernel.RMax:
		r.Value = m.rmax()
	case ukernel.RAddExtExp:
		r.Value, r.Exponent = m.raddextexp(v.exp)
	case ukernel.VScaleExtExp:
		m.vscaleextexp(v.exp, a)
	case ukernel.RAddExpMinusMax, ukernel.RAddStoreExpMinusMax:
		r.Value = m.raddexpminusmax(v.exp, a)
	case ukernel.VScaleExpMinusMax:
		m.vscaleexpminusmax(v.exp, a)
	case ukernel.VMulC:
		m.vmulc(a)
	case ukernel.F16RMax, ukernel.U8RMax:
		if k.ISA == ukernel.F16C {
			r.Value = m.f16RMaxF16C()
			break
		}
		r.Value = m.rmax()
	case ukernel.F16RAddStoreExpMinusMax:
		r.Value = m.f16RAddStoreExpMinusMax(a)
		narrowed(k.Family, a)
	case ukernel.F16VMulC:
		m.f16VMulC(a)
		narrowed(k.Family, a)
	case ukernel.U8LUT32Norm:
		m.u8LUT32Norm(a)
		narrowed(k.Family, a)
	}
	return m, r, nil
}

// group is the family that stands for all whose exponential is the same.
func group(f ukernel.Family) ukernel.Family {
	switch f {
	case ukernel.VScaleExtExp:
		return ukernel.RAddExtExp
	case ukernel.VScaleExpMinusMax:
		return ukernel.RAddExpMinusMax
	case ukernel.VMulC:
		return ukernel.RMax
	}
	return f
}

type key struct {
	group   ukernel.Family
	isa     ukernel.ISA
	variant string
}

type variant struct {
	isa isa
	exp exponential
}

// variants says, for each combination of family, ISA and variant, which
// operations the ISA has and which exponential the variant stands for.
var variants = map[key]variant{
	{ukernel.RMax, ukernel.Scalar, ""}:  {isa: scalar},
	{ukernel.RMax, ukernel.SSE, ""}:     {isa: sse},
	{ukernel.RMax, ukernel.AVX, ""}:     {isa: avx},
	{ukernel.RMax, ukernel.AVX512F, ""}: {isa: avx512},
	{ukernel.RMax, ukernel.NEON, ""}:    {isa: neon},

	{ukernel.RAddExtExp, ukernel.AVX2, "p5"}:           {isa: avx2, exp: p5},
	{ukernel.RAddExtExp, ukernel.AVX512F, "p5_scalef"}: {isa: avx512, exp: p5Scalef},
	// Ours: what upstream has for AVX2 only, lane by lane.
	{ukernel.RAddExtExp, ukernel.NEONFMA, "p5"}:    {isa: neonTwoPass, exp: p5},
	{ukernel.RAddExtExp, ukernel.Scalar, "p5"}:     {isa: scalar, exp: p5Double},
	{ukernel.RAddExtExp, ukernel.Scalar, "fma_p5"}: {isa: scalarFMA, exp: p5},

	{ukernel.RAddExpMinusMax, ukernel.AVX2, "p5"}:           {isa: avx2, exp: p5},
	{ukernel.RAddExpMinusMax, ukernel.AVX512F, "p5_scalef"}: {isa: avx512, exp: p5Scalef},

	{ukernel.RAddStoreExpMinusMax, ukernel.Scalar, "rr2_p5"}:         {isa: scalar, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.Scalar, "rr2_lut64_p2"}:   {isa: scalar, exp: rr2LUT64Scalar},
	{ukernel.RAddStoreExpMinusMax, ukernel.SSE2, "rr2_p5"}:           {isa: sse, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.AVX2, "rr1_p5"}:           {isa: avx2, exp: rr1P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.AVX2, "rr2_p5"}:           {isa: avx2, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.AVX256SKX, "rr2_p5"}:      {isa: avx512, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.AVX512F, "rr1_p5_scalef"}: {isa: avx512, exp: rr1P5Scalef},
	{ukernel.RAddStoreExpMinusMax, ukernel.AVX512F, "rr2_p5"}:        {isa: avx512, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.NEON, "rr2_p5"}:           {isa: neon, exp: rr2P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.NEON, "rr2_lut64_p2"}:     {isa: neon, exp: rr2LUT64},
	{ukernel.RAddStoreExpMinusMax, ukernel.NEONFMA, "rr1_p5"}:        {isa: neonFMA, exp: rr1P5},
	{ukernel.RAddStoreExpMinusMax, ukernel.NEONFMA, "rr1_lut64_p2"}:  {isa: neonFMA, exp: rr1LUT64},

	{ukernel.F16RMax, ukernel.Scalar, ""}:        {isa: scalarMax},
	{ukernel.F16RMax, ukernel.F16C, ""}:          {isa: avx},
	{ukernel.F16RMax, ukernel.AVX512SKX, ""}:     {isa: avx512},
	{ukernel.F16RMax, ukernel.AVX512FP16, ""}:    {isa: avx512},
	{ukernel.F16RMax, ukernel.NEONFP16ARITH, ""}: {isa: neonMax},

	{ukernel.F16RAddStoreExpMinusMax, ukernel.AVX2, "rr1_p2"}:          {isa: avx2},
	{ukernel.F16RAddStoreExpMinusMax, ukernel.NEONFP16ARITH, "rr2_p2"}: {isa: neonHalf},

	{ukernel.F16VMulC, ukernel.F16C, ""}:          {isa: avx},
	{ukernel.F16VMulC, ukernel.AVX512FP16, ""}:    {isa: avx512},
	{ukernel.F16VMulC, ukernel.NEONFP16ARITH, ""}: {isa: neonHalf},
	{ukernel.F16VMulC, ukernel.FP16ARITH, ""}:     {isa: neonHalf},

	{ukernel.U8RMax, ukernel.Scalar, ""}: {isa: scalar},
	{ukernel.U8RMax, ukernel.SSE2, ""}:   {isa: sse},
	{ukernel.U8RMax, ukernel.NEON, ""}:   {isa: sse},

	{ukernel.U8LUT32Norm, ukernel.Scalar, ""}: {isa: scalar},
}
