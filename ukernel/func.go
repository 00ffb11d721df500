package ukernel

import (
	"errors"
	"fmt"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// Func is a kernel that can be called: exactly one of its functions, that of
// the kernel's family, is not nil.
//
// Every src has at least one element, and dst has as many as src; dst may be
// src itself, and may not overlap it otherwise. A Func from a Lookup panics on
// anything else, with a message that names the kernel and the lengths.
type Func struct {
	Name string

	// RMax returns the largest element of src. What a NaN does depends on its
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
	// RAddStoreExpMinusMax writes exp(x - max) and returns the sum of it.
	RAddStoreExpMinusMax func(dst, src []float32, max float32) float32
	// VMulC writes x * c.
	VMulC func(dst, src []float32, c float32)
	// VSubC2 writes (x - a) - b.
	VSubC2 func(dst, src []float32, a, b float32)
	// Softmax writes the softmax of rows of cols elements, whose first ones are
	// dstStride and srcStride apart, up to the first row whose maximum is not
	// finite, and returns how many it did. That row and those after it stay as they
	// are. Cols is at least 1, and at most [Kernel.MaxLength] unless that is 0.
	Softmax func(dst, src []float32, rows, cols, dstStride, srcStride int) (done int)
	// LogSoftmax is the same for the logarithm.
	LogSoftmax func(dst, src []float32, rows, cols, dstStride, srcStride int) (done int)
	// RAddMaxExpMinusMax returns the sum of exp(x - max), and the largest x as RMax
	// does.
	RAddMaxExpMinusMax func(src []float32, max float32) (sum, top float32)
	// ScaledSoftmax is Softmax of x * scale.
	ScaledSoftmax func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) (done int)
	// ScaledLogSoftmax is the same for the logarithm.
	ScaledLogSoftmax func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) (done int)
	// VAdd writes x + y for the elements of src and other, which are as many. Dst may
	// not overlap other.
	VAdd func(dst, src, other []float32)
	// VKeep writes x where keep is true and -Inf elsewhere. Src and keep have as many
	// elements.
	VKeep func(dst, src []float32, keep []bool)
	// WidenF16 and WidenBF16 write the numbers of src as float32. Dst may not overlap
	// src, nor may it below.
	WidenF16, WidenBF16 func(dst []float32, src []uint16)
	// NarrowF16 and NarrowBF16 write the numbers of src rounded to 16 bits.
	NarrowF16, NarrowBF16 func(dst []uint16, src []float32)

	// F16RMax returns the largest element of src.
	F16RMax func(src []uint16) (max uint16)
	// F16RAddStoreExpMinusMax writes exp(x - max) and returns the sum of it.
	F16RAddStoreExpMinusMax func(dst, src []uint16, max uint16) (sum uint16)
	// F16VMulC writes x * c.
	F16VMulC func(dst, src []uint16, c uint16)
	// U8RMax returns the largest element of src.
	U8RMax func(src []uint8) (max uint8)
	// U8LUT32Norm writes the rounded share of 256 that table[x] has in their sum, at
	// most 255. The table reaches to the largest x; the sum, modulo 2^32, is not 0.
	U8LUT32Norm func(dst, src []uint8, table []uint32)
}

// has reports whether f is a kernel of the family.
func (f *Func) has(family Family) bool {
	switch family {
	case RMax:
		return f.RMax != nil
	case RAddExtExp:
		return f.RAddExtExp != nil
	case VScaleExtExp:
		return f.VScaleExtExp != nil
	case RAddExpMinusMax:
		return f.RAddExpMinusMax != nil
	case VScaleExpMinusMax:
		return f.VScaleExpMinusMax != nil
	case RAddStoreExpMinusMax:
		return f.RAddStoreExpMinusMax != nil
	case VMulC:
		return f.VMulC != nil
	case VSubC2:
		return f.VSubC2 != nil
	case Softmax:
		return f.Softmax != nil
	case LogSoftmax:
		return f.LogSoftmax != nil
	case RAddMaxExpMinusMax:
		return f.RAddMaxExpMinusMax != nil
	case ScaledSoftmax:
		return f.ScaledSoftmax != nil
	case ScaledLogSoftmax:
		return f.ScaledLogSoftmax != nil
	case VAdd:
		return f.VAdd != nil
	case VKeep:
		return f.VKeep != nil
	case WidenF16:
		return f.WidenF16 != nil
	case NarrowF16:
		return f.NarrowF16 != nil
	case WidenBF16:
		return f.WidenBF16 != nil
	case NarrowBF16:
		return f.NarrowBF16 != nil
	case F16RMax:
		return f.F16RMax != nil
	case F16RAddStoreExpMinusMax:
		return f.F16RAddStoreExpMinusMax != nil
	case F16VMulC:
		return f.F16VMulC != nil
	case U8RMax:
		return f.U8RMax != nil
	case U8LUT32Norm:
		return f.U8LUT32Norm != nil
	}
	return false
}

// Args are the operands of any family's call; a family reads those it has.
type Args struct {
	Dst, Src []float32
	// Max is the value subtracted by the minusmax families, and a of VSubC2.
	Max float32
	// Scale is the factor of VScaleExpMinusMax, VMulC and scaled rows, and the mantissa of
	// VScaleExtExp, whose exponent is ScaleExp; b of VSubC2.
	Scale, ScaleExp float32
	// Other and Keep are the second rows of VAdd and VKeep.
	Other []float32
	Keep  []bool
	// Src16 is what a family that widens reads in place of Src, and Dst16 what one that
	// narrows writes in place of Dst.
	Src16, Dst16 []uint16
	// Half is what a family of binary16 numbers reads in place of Src; it writes Dst16.
	// Max and Scale are rounded to binary16 for it.
	Half []uint16
	// Src8 and Dst8 are what a family of bytes reads and writes, and Table what
	// U8LUT32Norm reads.
	Src8, Dst8 []uint8
	Table      []uint32
}

// Result is what a call returned: the value of a reduction, for RAddExtExp its
// mantissa and exponent, for RAddMaxExpMinusMax the sum and, in place of an exponent,
// the largest element, for a family of
// rows, which is called with one, the number of rows done, and zero for another family that only stores.
// A binary16 number or a byte is the float32 equal to it.
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
	case f.VSubC2 != nil:
		f.VSubC2(a.Dst, a.Src, a.Max, a.Scale)
	case f.Softmax != nil:
		n := len(a.Src)
		r.Value = float32(f.Softmax(a.Dst, a.Src, 1, n, n, n))
	case f.RAddMaxExpMinusMax != nil:
		r.Value, r.Exponent = f.RAddMaxExpMinusMax(a.Src, a.Max)
	case f.ScaledSoftmax != nil:
		n := len(a.Src)
		r.Value = float32(f.ScaledSoftmax(a.Dst, a.Src, a.Scale, 1, n, n, n))
	case f.ScaledLogSoftmax != nil:
		n := len(a.Src)
		r.Value = float32(f.ScaledLogSoftmax(a.Dst, a.Src, a.Scale, 1, n, n, n))
	case f.VAdd != nil:
		f.VAdd(a.Dst, a.Src, a.Other)
	case f.VKeep != nil:
		f.VKeep(a.Dst, a.Src, a.Keep)
	case f.WidenF16 != nil:
		f.WidenF16(a.Dst, a.Src16)
	case f.NarrowF16 != nil:
		f.NarrowF16(a.Dst16, a.Src)
	case f.WidenBF16 != nil:
		f.WidenBF16(a.Dst, a.Src16)
	case f.NarrowBF16 != nil:
		f.NarrowBF16(a.Dst16, a.Src)
	case f.LogSoftmax != nil:
		n := len(a.Src)
		r.Value = float32(f.LogSoftmax(a.Dst, a.Src, 1, n, n, n))
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

// Checked returns f with its slices checked before each call.
func (f Func) Checked() Func {
	who, raw := "ukernel: "+f.Name, f
	some := func(src []float32) { checkSome(who, src) }
	same := func(dst, src []float32) {
		some(src)
		CheckSlices(who, dst, src)
	}
	switch {
	case raw.RMax != nil:
		f.RMax = func(src []float32) float32 { some(src); return raw.RMax(src) }
	case raw.RAddExtExp != nil:
		f.RAddExtExp = func(src []float32) (m, e float32) { some(src); return raw.RAddExtExp(src) }
	case raw.VScaleExtExp != nil:
		f.VScaleExtExp = func(dst, src []float32, m, e float32) { same(dst, src); raw.VScaleExtExp(dst, src, m, e) }
	case raw.RAddExpMinusMax != nil:
		f.RAddExpMinusMax = func(src []float32, max float32) float32 { some(src); return raw.RAddExpMinusMax(src, max) }
	case raw.VScaleExpMinusMax != nil:
		f.VScaleExpMinusMax = func(dst, src []float32, scale, max float32) {
			same(dst, src)
			raw.VScaleExpMinusMax(dst, src, scale, max)
		}
	case raw.RAddStoreExpMinusMax != nil:
		f.RAddStoreExpMinusMax = func(dst, src []float32, max float32) float32 {
			same(dst, src)
			return raw.RAddStoreExpMinusMax(dst, src, max)
		}
	case raw.VMulC != nil:
		f.VMulC = func(dst, src []float32, c float32) { same(dst, src); raw.VMulC(dst, src, c) }
	case raw.VSubC2 != nil:
		f.VSubC2 = func(dst, src []float32, a, b float32) { same(dst, src); raw.VSubC2(dst, src, a, b) }
	case raw.Softmax != nil:
		f.Softmax = checkedRows(who, raw.Name, raw.Softmax)
	case raw.RAddMaxExpMinusMax != nil:
		f.RAddMaxExpMinusMax = func(src []float32, max float32) (sum, top float32) {
			some(src)
			return raw.RAddMaxExpMinusMax(src, max)
		}
	case raw.ScaledSoftmax != nil:
		f.ScaledSoftmax = checkedScaled(who, raw.Name, raw.ScaledSoftmax)
	case raw.ScaledLogSoftmax != nil:
		f.ScaledLogSoftmax = checkedScaled(who, raw.Name, raw.ScaledLogSoftmax)
	case raw.VAdd != nil:
		f.VAdd = func(dst, src, other []float32) {
			same(dst, src)
			if len(other) != len(src) || Overlap(dst, other) {
				panic(fmt.Sprintf("%s: other of %d elements must be as long as src, of %d, and apart from dst", who, len(other), len(src)))
			}
			raw.VAdd(dst, src, other)
		}
	case raw.VKeep != nil:
		f.VKeep = func(dst, src []float32, keep []bool) {
			same(dst, src)
			if len(keep) != len(src) {
				panic(fmt.Sprintf("%s: len(keep) is %d, len(src) is %d, they must be equal", who, len(keep), len(src)))
			}
			raw.VKeep(dst, src, keep)
		}
	case raw.WidenF16 != nil:
		f.WidenF16 = checkedConversion(who, raw.WidenF16)
	case raw.NarrowF16 != nil:
		f.NarrowF16 = checkedConversion(who, raw.NarrowF16)
	case raw.WidenBF16 != nil:
		f.WidenBF16 = checkedConversion(who, raw.WidenBF16)
	case raw.NarrowBF16 != nil:
		f.NarrowBF16 = checkedConversion(who, raw.NarrowBF16)
	case raw.LogSoftmax != nil:
		f.LogSoftmax = checkedRows(who, raw.Name, raw.LogSoftmax)
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
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(src) is %d, they must be equal", who, len(dst), len(src)))
	}
	CheckApart(who, "src", dst, src)
}

// checkedConversion is a kernel that widens or narrows, with its slices checked before
// each call.
func checkedConversion[D, S any](who string, f func(dst []D, src []S)) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		checkSome(who, src)
		if len(dst) != len(src) {
			panic(fmt.Sprintf("%s: len(dst) is %d, len(src) is %d, they must be equal", who, len(dst), len(src)))
		}
		CheckApart(who, "src", dst, src)
		f(dst, src)
	}
}

// checkedRows is a kernel of rows with its matrices checked before each call.
func checkedRows(who, name string, f func(dst, src []float32, rows, cols, dstStride, srcStride int) int) func(dst, src []float32, rows, cols, dstStride, srcStride int) int {
	check := checkRows(who, name)
	return func(dst, src []float32, rows, cols, dstStride, srcStride int) int {
		if !check(dst, src, rows, cols, dstStride, srcStride) {
			return 0
		}
		return f(dst, src, rows, cols, dstStride, srcStride)
	}
}

// checkedScaled is checkedRows with a scale.
func checkedScaled(who, name string, f func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) int) func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) int {
	check := checkRows(who, name)
	return func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) int {
		if !check(dst, src, rows, cols, dstStride, srcStride) {
			return 0
		}
		return f(dst, src, scale, rows, cols, dstStride, srcStride)
	}
}

// checkRows is [CheckMatrices] for a kernel, whose rows may be too short for some.
func checkRows(who, name string) func(dst, src []float32, rows, cols, dstStride, srcStride int) bool {
	most := MustParse(name).MaxLength()
	return func(dst, src []float32, rows, cols, dstStride, srcStride int) bool {
		if most > 0 && cols > most {
			panic(fmt.Sprintf("%s: %d columns, the kernel takes at most %d", who, cols, most))
		}
		return CheckMatrices(who, "src", dst, src, rows, cols, dstStride, srcStride)
	}
}

// ErrUnknownKernel is wrapped by the error of a Lookup for a name that its side
// does not have on this architecture.
var ErrUnknownKernel = errors.New("no such kernel")

// UnsupportedError is a Lookup's error for a kernel that is compiled in but
// that this CPU can't run.
type UnsupportedError struct {
	Name string
	ISA  ISA
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("this CPU has no %v, which %s needs", e.ISA, e.Name)
}

// Lookup finds name in a side's table and returns it checked, if this CPU can
// run it; side begins the error's text otherwise.
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
