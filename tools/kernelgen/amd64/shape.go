package amd64

import (
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out. The figures are those with which the
// families' kernels were fastest, beside upstream's on a Sapphire Rapids core.
//
// With 16 registers, vectors that go through the formulas one or two at a time
// leave room for the constants, and the processor overlaps the vectors by itself;
// with 32 there is room for both.
func shape(k ukernel.Kernel) family.Shape {
	switch {
	case k.Family == ukernel.RMax:
		return family.Shape{Group: 1, Residents: 6, Unroll: 6}
	case k.Family == ukernel.VMulC || k.Family == ukernel.VSubC2 || k.Family.Other() > 0:
		return family.Shape{Group: 2, Residents: 2, Unroll: 8}
	}
	switch k.ISA {
	case ukernel.SSE2:
		return family.Shape{Group: 2, Residents: 4, Unroll: 6}
	case ukernel.AVX256SKX:
		return family.Shape{Group: 4, Residents: 12, Unroll: 8}
	case ukernel.AVX512F, ukernel.AVX512SKX:
		return family.Shape{Group: 6, Residents: 16, Unroll: 6}
	}
	if k.Family.Rows() && k.TwoSum() { // which keeps the maximum, too
		return family.Shape{Group: 2, Residents: 4, Unroll: 8}
	}
	if strings.HasPrefix(k.Variant, "exp2_") { // few constants, measured on a Zen 5 core
		return family.Shape{Group: 2, Residents: 3, Unroll: 8}
	}
	// AVX2, measured on a Zen 5 core.
	switch k.Family {
	case ukernel.VScaleExtExp, ukernel.VScaleExpMinusMax:
		return family.Shape{Group: 3, Residents: 3, Unroll: 6}
	case ukernel.RAddExpMinusMax:
		return family.Shape{Group: 2, Residents: 4, Unroll: 4}
	case ukernel.RAddStoreExpMinusMax:
		return family.Shape{Group: 2, Residents: 2, Unroll: 8}
	}
	return family.Shape{Group: 1, Residents: 2, Unroll: 4}
}
