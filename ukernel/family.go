package ukernel

import "fmt"

// Family is what a kernel computes, and from what operands.
type Family uint8

// The families behind softmax. All work on at least one element.
const (
	// RMax returns the largest element.
	RMax Family = iota
	// RAddExtExp sums exp(x) and returns the sum as a pair (mantissa, exponent)
	// with sum = mantissa * 2^exponent: the first pass of the two-pass algorithm.
	RAddExtExp
	// VScaleExtExp writes exp(x) * mantissa * 2^exponent: the second pass of the
	// two-pass algorithm, where the pair is the reciprocal of the first pass's sum.
	VScaleExtExp
	// RAddExpMinusMax sums exp(x - max).
	RAddExpMinusMax
	// VScaleExpMinusMax writes exp(x - max) * scale.
	VScaleExpMinusMax
	// RAddStoreExpMinusMax writes exp(x - max) and sums it.
	RAddStoreExpMinusMax
	// VMulC writes x * c.
	VMulC
	// F16RMax returns the largest element of a row of binary16 numbers. This one and the
	// next two are the passes of upstream's float16 softmax operator.
	F16RMax
	// F16RAddStoreExpMinusMax writes exp(x - max) and sums it, all in binary16 but for
	// what an ISA computes between loading and storing.
	F16RAddStoreExpMinusMax
	// F16VMulC writes x * c, in binary16.
	F16VMulC
	// U8RMax returns the largest of a row of bytes. This one and the next are the passes
	// of upstream's quantized softmax operator.
	U8RMax
	// U8LUT32Norm writes round(256 * t[x] / sum(t[x])), at most 255, for a row of bytes
	// and a table t of uint32. Sums are modulo 2^32 and may not be 0.
	U8LUT32Norm

	numFamilies
)

// Descriptor describes a family.
type Descriptor struct {
	// Name is upstream's name of the family, or one like it.
	Name string
	// Field is the name of the field of [Func] that holds a kernel, Signature its type.
	Field, Signature string
	// Bits is the size of an element: 32 for float32, 16 for binary16, 8 for bytes.
	Bits int
	// Stores reports whether a kernel writes an output for each input.
	Stores bool
	// About says in a sentence what a kernel computes.
	About string

	has func(Func) bool // by value, so that callers' need not be on the heap
}

// families has a row for each.
var families = [numFamilies]Descriptor{
	RMax: {
		"f32_rmax", "RMax", "func(src []float32) (max float32)", 32, false,
		"The largest element.",
		func(f Func) bool { return f.RMax != nil },
	},
	RAddExtExp: {
		"f32_raddextexp", "RAddExtExp", "func(src []float32) (mantissa, exponent float32)", 32, false,
		"The first pass of the two-pass softmax (arXiv 2001.04438, Algorithm 3): the sum of exp(x) as mantissa * 2^exponent.",
		func(f Func) bool { return f.RAddExtExp != nil },
	},
	VScaleExtExp: {
		"f32_vscaleextexp", "VScaleExtExp", "func(dst, src []float32, mantissa, exponent float32)", 32, true,
		"The second pass of the two-pass softmax (arXiv 2001.04438, Algorithm 3): exp(x) * mantissa * 2^exponent.",
		func(f Func) bool { return f.VScaleExtExp != nil },
	},
	RAddExpMinusMax: {
		"f32_raddexpminusmax", "RAddExpMinusMax", "func(src []float32, max float32) (sum float32)", 32, false,
		"The sum of exp(x - max), the second of three passes.",
		func(f Func) bool { return f.RAddExpMinusMax != nil },
	},
	VScaleExpMinusMax: {
		"f32_vscaleexpminusmax", "VScaleExpMinusMax", "func(dst, src []float32, scale, max float32)", 32, true,
		"exp(x - max) * scale, the last of three passes with recomputation.",
		func(f Func) bool { return f.VScaleExpMinusMax != nil },
	},
	RAddStoreExpMinusMax: {
		"f32_raddstoreexpminusmax", "RAddStoreExpMinusMax", "func(dst, src []float32, max float32) (sum float32)", 32, true,
		"exp(x - max) and the sum of it, the second of three passes with reloading.",
		func(f Func) bool { return f.RAddStoreExpMinusMax != nil },
	},
	VMulC: {
		"f32_vmulc", "VMulC", "func(dst, src []float32, c float32)", 32, true,
		"x * c, the last of three passes with reloading.",
		func(f Func) bool { return f.VMulC != nil },
	},
	F16RMax: {
		"f16_rmax", "F16RMax", "func(src []uint16) (max uint16)", 16, false,
		"The largest element of a row of binary16 numbers.",
		func(f Func) bool { return f.F16RMax != nil },
	},
	F16RAddStoreExpMinusMax: {
		"f16_raddstoreexpminusmax", "F16RAddStoreExpMinusMax", "func(dst, src []uint16, max uint16) (sum uint16)", 16, true,
		"exp(x - max) and the sum of it, for binary16 numbers.",
		func(f Func) bool { return f.F16RAddStoreExpMinusMax != nil },
	},
	F16VMulC: {
		"f16_vmulc", "F16VMulC", "func(dst, src []uint16, c uint16)", 16, true,
		"x * c, for binary16 numbers.",
		func(f Func) bool { return f.F16VMulC != nil },
	},
	U8RMax: {
		"u8_rmax", "U8RMax", "func(src []uint8) (max uint8)", 8, false,
		"The largest of a row of bytes.",
		func(f Func) bool { return f.U8RMax != nil },
	},
	U8LUT32Norm: {
		"u8_lut32norm", "U8LUT32Norm", "func(dst, src []uint8, table []uint32)", 8, true,
		"The rounded share of 256 that each byte's element of a table has in their sum.",
		func(f Func) bool { return f.U8LUT32Norm != nil },
	},
}

// Families lists every family, in the order of their constants.
func Families() []Family {
	fs := make([]Family, numFamilies)
	for i := range fs {
		fs[i] = Family(i)
	}
	return fs
}

// Describe returns the family's descriptor. It panics if f is not one of the constants.
func (f Family) Describe() Descriptor { return families[f] }

// String returns upstream's name of the family, such as "f32_rmax", or one like it.
func (f Family) String() string {
	if f < numFamilies {
		return families[f].Name
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// Stores reports whether kernels of the family write an output for each input.
func (f Family) Stores() bool { return families[f].Stores }

// Half reports whether the family works on binary16 numbers.
func (f Family) Half() bool { return families[f].Bits == 16 }

// Bytes reports whether the family works on bytes.
func (f Family) Bytes() bool { return families[f].Bits == 8 }
