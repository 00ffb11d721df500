package scalar

import (
	"runtime"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// larger is upstream's math_max_f32, which depends on the architecture that it
// is compiled for, and so do the bits of the scalar rmax kernels: on arm64 it is
// fmaxf, which gcc and clang compile to FMAXNM (a quiet NaN is ignored, +0 is
// larger than -0); elsewhere it is b < a ? a : b (b if either is a NaN or both are
// zeros). On riscv64 upstream takes fmaxf with clang but not with gcc; this
// follows gcc.
func larger(a, b float32) float32 {
	if runtime.GOARCH == "arm64" {
		return f32.MaxNum(a, b)
	}
	if b < a {
		return a
	}
	return b
}

// rmax returns the largest element of src (upstream's
// xnn_f32_rmax_ukernel__scalar kernels). Every accumulator starts as src[0].
func (t tiling) rmax(src []float32) float32 {
	var max float32
	n := t.main(len(src))
	switch t.accs {
	case 1:
		max = rmax1(src[0], src[:n])
	case 2:
		max = rmax2(src[0], src[:n])
	case 3:
		max = rmax3(src[0], src[:n])
	case 4:
		max = rmax4(src[0], src[:n])
	}
	return rmax1(max, src[n:])
}

func rmax1(max float32, src []float32) float32 {
	for _, x := range src {
		max = larger(max, x)
	}
	return max
}

func rmax2(max float32, src []float32) float32 {
	a, b := max, max
	for ; len(src) >= 2; src = src[2:] {
		a = larger(a, src[0])
		b = larger(b, src[1])
	}
	return larger(a, b)
}

func rmax3(max float32, src []float32) float32 {
	a, b, c := max, max, max
	for ; len(src) >= 3; src = src[3:] {
		a = larger(a, src[0])
		b = larger(b, src[1])
		c = larger(c, src[2])
	}
	return larger(larger(a, b), c)
}

func rmax4(max float32, src []float32) float32 {
	a, b, c, d := max, max, max, max
	for ; len(src) >= 4; src = src[4:] {
		a = larger(a, src[0])
		b = larger(b, src[1])
		c = larger(c, src[2])
		d = larger(d, src[3])
	}
	return larger(larger(a, b), larger(c, d))
}
