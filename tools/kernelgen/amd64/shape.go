package amd64

import (
	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out. The figures are those with which the
// families' kernels were fastest: of rmax and vmulc on an Emerald Rapids
// core, of the others on a Zen 5 core, at 3072 elements.
//
// A stagger has 4 to 6 vectors in flight with 16 registers, which leaves some for
// constants, and more with 32. There are fewer at both ends of a turn, so that long
// turns pay. Where there are many kernels and other limits are near, in AVX2's
// elementwise families and with AVX-512, the last percent is not worth the code.
//
// The elementwise families with AVX-512 have small groups for rows beyond the caches:
// three loads and then three stores take up to 4 % longer there than one and one.
func shape(k ukernel.Kernel) family.Shape {
	switch k.Family {
	case ukernel.RMax, ukernel.F16RMax:
		return family.Shape{Group: 1, Residents: 6, Unroll: 6}
	case ukernel.VMulC, ukernel.F16VMulC:
		return family.Shape{Group: 2, Residents: 2, Unroll: 8}
	}
	if k.Family == ukernel.F16RAddStoreExpMinusMax {
		return family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 12, Stagger: 4}
	}
	switch k.ISA {
	case ukernel.SSE2:
		return family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 12, Stagger: 3}
	case ukernel.AVX256SKX:
		return family.Shape{Group: 2, Residents: 8, Unroll: 6, Turn: 12, Stagger: 8}
	case ukernel.AVX512F, ukernel.AVX512SKX:
		return avx512Shape(k)
	}
	return avx2Shape(k)
}

// elementwise reports whether the kernel's family computes every element alike.
func elementwise(k ukernel.Kernel) bool {
	return k.Family == ukernel.VScaleExtExp || k.Family == ukernel.VScaleExpMinusMax
}

func avx2Shape(k ukernel.Kernel) family.Shape {
	s := family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 24, Stagger: 4}
	switch {
	case elementwise(k):
		s.Turn, s.Stagger = 16, 5
	case k.Family == ukernel.RAddExtExp:
		s.Stagger = 6
	}
	return s
}

func avx512Shape(k ukernel.Kernel) family.Shape {
	s := family.Shape{Group: 2, Residents: 16, Unroll: 6, Turn: 12, Stagger: 8}
	switch {
	case !k.Exp.Scalef: // the longest formulas
	case elementwise(k):
		s.Stagger = 4
	case k.Family == ukernel.RAddExtExp:
		s.Stagger = 3
	case k.Family == ukernel.RAddExpMinusMax:
		s.Stagger = 4
	case k.Family == ukernel.RAddStoreExpMinusMax:
		s.Stagger = 6
	}
	return s
}
