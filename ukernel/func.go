package ukernel

import (
	"errors"
	"fmt"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// Func is a kernel that can be called. Exactly one of its functions is not nil: that of
// the kernel's family.
//
// Src has at least one element, and dst as many as src; dst is src itself or does not
// overlap it. A Func from a Lookup panics otherwise, and names the kernel and the lengths.
type Func struct {
	Name string

	// RMax returns the largest element of src. The effect of a NaN depends on its
	// place and on the ISA.
	RMax func(src []float32) float32
	// RAddExtExp returns the sum of exp(x) as mantissa * 2^exponent.
	RAddExtExp func(src []float32) (mantissa, exponent float32)
	// VScaleExtExp writes exp(x) * mantissa * 2^exponent.
	VScaleExtExp func(dst, src []float32, mantissa, exponent float32)
	// RAddExpMinusMax returns the sum of exp(x - max).
	RAddExpMinusMax func(src []float32, max float32) float32
	// VScaleExpMinusMax writes exp(x - max) * scale.
	VScaleExpMinusMax func(dst, src []float32, scale, max float32)
	// RAddStoreExpMinusMax writes exp(x - max) and returns the sum.
	RAddStoreExpMinusMax func(dst, src []float32, max float32) float32
	// VMulC writes x * c.
	VMulC func(dst, src []float32, c float32)
	// F16RMax returns the largest element of src.
	F16RMax func(src []uint16) (max uint16)
	// F16RAddStoreExpMinusMax writes exp(x - max) and returns the sum.
	F16RAddStoreExpMinusMax func(dst, src []uint16, max uint16) (sum uint16)
	// F16VMulC writes x * c.
	F16VMulC func(dst, src []uint16, c uint16)
	// U8RMax returns the largest element of src.
	U8RMax func(src []uint8) (max uint8)
	// U8LUT32Norm writes round(256 * table[x] / sum(table[x])), at most 255. The table
	// has an entry for the largest x; the sum modulo 2^32 is not 0.
	U8LUT32Norm func(dst, src []uint8, table []uint32)
}

// has reports whether f is a kernel of the family.
func (f *Func) has(family Family) bool { return families[family].has(*f) }

// Args has the operands of a call of any family. A family uses its own.
type Args struct {
	Dst, Src []float32
	// Max is what the minusmax families subtract.
	Max float32
	// Scale is the factor of VScaleExpMinusMax and VMulC, and the mantissa of
	// VScaleExtExp, whose exponent is ScaleExp.
	Scale, ScaleExp float32
	// Half and Dst16 take the place of Src and Dst for a family of binary16 numbers. Its
	// Max and Scale are rounded to binary16.
	Half, Dst16 []uint16
	// Src8 and Dst8 take the place of Src and Dst for a family of bytes. U8LUT32Norm
	// reads Table.
	Src8, Dst8 []uint8
	Table      []uint32
}

// Result is what a call returned: the value of a reduction, the mantissa and exponent of
// RAddExtExp, or zero for a family that only stores. A binary16 number or a byte is given
// as the float32 equal to it.
type Result struct {
	Value, Exponent float32
}

// Call calls the kernel, whatever its family.
func (f *Func) Call(a Args) (r Result) {
	switch {
	case f.RMax != nil:
		r.Value = f.RMax(a.Src)
	case f.RAddExtExp != nil:
		r.Value, r.Exponent = f.RAddExtExp(a.Src)
	case f.VScaleExtExp != nil:
		f.VScaleExtExp(a.Dst, a.Src, a.Scale, a.ScaleExp)
	case f.RAddExpMinusMax != nil:
		r.Value = f.RAddExpMinusMax(a.Src, a.Max)
	case f.VScaleExpMinusMax != nil:
		f.VScaleExpMinusMax(a.Dst, a.Src, a.Scale, a.Max)
	case f.RAddStoreExpMinusMax != nil:
		r.Value = f.RAddStoreExpMinusMax(a.Dst, a.Src, a.Max)
	case f.VMulC != nil:
		f.VMulC(a.Dst, a.Src, a.Scale)
	case f.F16RMax != nil:
		r.Value = f32.FromHalf(f.F16RMax(a.Half))
	case f.F16RAddStoreExpMinusMax != nil:
		r.Value = f32.FromHalf(f.F16RAddStoreExpMinusMax(a.Dst16, a.Half, f32.ToHalf(a.Max)))
	case f.F16VMulC != nil:
		f.F16VMulC(a.Dst16, a.Half, f32.ToHalf(a.Scale))
	case f.U8RMax != nil:
		r.Value = float32(f.U8RMax(a.Src8))
	case f.U8LUT32Norm != nil:
		f.U8LUT32Norm(a.Dst8, a.Src8, a.Table)
	default:
		panic(fmt.Sprintf("ukernel: %s has no function", f.Name))
	}
	return r
}

// Checked returns f with a check of its slices before each call.
func (f Func) Checked() Func {
	who, raw := "ukernel: "+f.Name, f
	switch {
	case raw.RMax != nil:
		f.RMax = func(src []float32) float32 { checkSome(who, src); return raw.RMax(src) }
	case raw.RAddExtExp != nil:
		f.RAddExtExp = func(src []float32) (m, e float32) { checkSome(who, src); return raw.RAddExtExp(src) }
	case raw.VScaleExtExp != nil:
		f.VScaleExtExp = func(dst, src []float32, m, e float32) { checkSame(who, dst, src); raw.VScaleExtExp(dst, src, m, e) }
	case raw.RAddExpMinusMax != nil:
		f.RAddExpMinusMax = func(src []float32, max float32) float32 { checkSome(who, src); return raw.RAddExpMinusMax(src, max) }
	case raw.VScaleExpMinusMax != nil:
		f.VScaleExpMinusMax = func(dst, src []float32, scale, max float32) {
			checkSame(who, dst, src)
			raw.VScaleExpMinusMax(dst, src, scale, max)
		}
	case raw.RAddStoreExpMinusMax != nil:
		f.RAddStoreExpMinusMax = func(dst, src []float32, max float32) float32 {
			checkSame(who, dst, src)
			return raw.RAddStoreExpMinusMax(dst, src, max)
		}
	case raw.VMulC != nil:
		f.VMulC = func(dst, src []float32, c float32) { checkSame(who, dst, src); raw.VMulC(dst, src, c) }
	case raw.F16RMax != nil:
		f.F16RMax = func(src []uint16) uint16 { checkSome(who, src); return raw.F16RMax(src) }
	case raw.F16RAddStoreExpMinusMax != nil:
		f.F16RAddStoreExpMinusMax = func(dst, src []uint16, max uint16) uint16 {
			checkSame(who, dst, src)
			return raw.F16RAddStoreExpMinusMax(dst, src, max)
		}
	case raw.F16VMulC != nil:
		f.F16VMulC = func(dst, src []uint16, c uint16) { checkSame(who, dst, src); raw.F16VMulC(dst, src, c) }
	case raw.U8RMax != nil:
		f.U8RMax = func(src []uint8) uint8 { checkSome(who, src); return raw.U8RMax(src) }
	case raw.U8LUT32Norm != nil:
		f.U8LUT32Norm = func(dst, src []uint8, table []uint32) {
			checkSame(who, dst, src)
			var sum uint32
			for i, x := range src {
				if int(x) >= len(table) {
					panic(fmt.Sprintf("%s: src[%d] is %d, but the table has %d elements", who, i, x, len(table)))
				}
				sum += table[x]
			}
			if sum == 0 {
				panic(who + ": the sum of the table's elements for src is 0 modulo 2^32, it must not be")
			}
			raw.U8LUT32Norm(dst, src, table)
		}
	}
	return f
}

// checkSome panics if there is no element.
func checkSome[S any](who string, src []S) {
	if len(src) == 0 {
		panic(who + ": len(src) is 0, it must be at least 1")
	}
}

// checkSame panics unless dst is as long as src and either is src or apart from it.
func checkSame[S any](who string, dst, src []S) {
	checkSome(who, src)
	CheckSlices(who, dst, src)
}

// ErrUnknownKernel is wrapped by the error of a Lookup for a name that its side lacks on
// this architecture.
var ErrUnknownKernel = errors.New("no such kernel")

// UnsupportedError is the error of a Lookup for a kernel that this CPU can't run.
type UnsupportedError struct {
	Name string
	ISA  ISA
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("this CPU has no %v, which %s needs", e.ISA, e.Name)
}

// Lookup returns the kernel with a name from a table. The kernel checks its slices at each call.
// Lookup returns an error, whose text begins with side, if the table lacks the kernel or this CPU
// can't run it.
func Lookup(side string, table []Func, name string) (Func, error) {
	for _, f := range table {
		if f.Name != name {
			continue
		}
		if isa := MustParse(name).ISA; !isa.Supported() {
			return Func{}, fmt.Errorf("%s: %w", side, &UnsupportedError{name, isa})
		}
		return f.Checked(), nil
	}
	return Func{}, fmt.Errorf("%s: %q: %w", side, name, ErrUnknownKernel)
}
