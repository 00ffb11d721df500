package amd64

import (
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/ukernel"
)

// shape is how a kernel is laid out. The figures are those with which the
// families' kernels were fastest: of rmax, vmulc and vsubc2 on a Sapphire Rapids
// core, of the others on a Zen 5 core, at 3072 elements.
//
// A stagger has 4 to 6 vectors in flight with 16 registers, which leaves some for
// constants, and more with 32. There are fewer at both ends of a turn, so that long
// turns pay. Where there are many kernels and other limits are near, in AVX2's
// elementwise families and with AVX-512, the last percent is not worth the code.
//
// The elementwise families with AVX-512 have small groups for rows beyond the caches:
// three loads and then three stores take up to 4 % longer there than one and one. The
// one that native takes for such rows alone goes the whole way, for 7 % in the caches.
func shape(k ukernel.Kernel) family.Shape {
	switch k.Family {
	case ukernel.RMax, ukernel.F16RMax:
		return family.Shape{Group: 1, Residents: 6, Unroll: 6}
	case ukernel.VMulC, ukernel.VSubC2, ukernel.VAdd, ukernel.VKeep, ukernel.F16VMulC, ukernel.WidenF16, ukernel.NarrowF16, ukernel.WidenBF16, ukernel.NarrowBF16:
		return family.Shape{Group: 2, Residents: 2, Unroll: 8}
	}
	if k.Family.Rows() {
		return rowsShape(k)
	}
	if k.Family == ukernel.F16RAddStoreExpMinusMax {
		return family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 12, Stagger: 4}
	}
	switch k.ISA {
	case ukernel.SSE2:
		s := family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 12, Stagger: 3}
		if strings.Contains(k.Variant, "p6") {
			s.Stagger = 4
		}
		return s
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

// base2 reports whether the variant has few constants.
func base2(k ukernel.Kernel) bool { return strings.HasPrefix(k.Variant, "exp2_") }

// rowsShape has shorter turns than the kernels of which those of rows are made, as rows
// are short. Those for logarithms keep a vector more for each that is in flight, and so
// have half as many.
func rowsShape(k ukernel.Kernel) family.Shape {
	avx2 := k.ISA == ukernel.AVX2
	switch {
	case avx2 && k.TwoSum():
		s := family.Shape{Group: 1, Residents: 4, Unroll: 8, Stagger: 3}
		if k.Family.Log() {
			s.Stagger = 6
		}
		return s
	case avx2:
		return family.Shape{Group: 2, Residents: 3}
	case k.TwoSum():
		s := family.Shape{Group: 2, Residents: 16, Unroll: 8, Stagger: 4}
		if k.Family.Log() {
			s.Group, s.Stagger = 3, 12
		}
		return s
	}
	return family.Shape{Group: 6, Residents: 16}
}

func avx2Shape(k ukernel.Kernel) family.Shape {
	s := family.Shape{Group: 1, Residents: 4, Unroll: 4, Turn: 24, Stagger: 4}
	switch {
	case elementwise(k):
		s.Turn, s.Stagger = 16, 5
	case base2(k):
		s.Turn, s.Stagger = 12, 3
	case k.Family == ukernel.RAddExtExp && k.Variant == "p5":
		s.Stagger = 6
	}
	return s
}

func avx512Shape(k ukernel.Kernel) family.Shape {
	s := family.Shape{Group: 2, Residents: 16, Unroll: 6, Turn: 12, Stagger: 8}
	switch {
	case !strings.Contains(k.Variant, "scalef"): // the longest formulas
	case elementwise(k) && base2(k):
		s.Group, s.Stagger = 1, 2
	case elementwise(k):
		s.Stagger = 4
	case base2(k) && !k.Family.Stores():
		s.Turn, s.Stagger = 24, 4
	case base2(k):
		s.Group, s.Turn, s.Stagger = 3, 24, 7
	case k.Family == ukernel.RAddExtExp:
		s.Stagger = 3
	case k.Family == ukernel.RAddExpMinusMax:
		s.Stagger = 4
	case k.Family == ukernel.RAddStoreExpMinusMax:
		s.Stagger = 6
	}
	return s
}
