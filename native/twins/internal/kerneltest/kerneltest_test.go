package kerneltest

import (
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// TestNotRun holds what is said of kernels that a CPU with AVX2 can't run, and that
// nothing is said where there are none.
func TestNotRun(t *testing.T) {
	kernels := []ukernel.Func{
		{Name: "f32_vmulc_ukernel__avx512f_u32"}, {Name: "f32_vmulc_ukernel__sse_u8"},
		{Name: "f32_raddexpminusmax_ukernel__avx512skx_p5_scalef_u192"}, {Name: "f32_rmax_ukernel__avx512f_u64_acc4"},
	}
	line, narrowest := notRun(kernels, func(isa ukernel.ISA) bool { return isa <= ukernel.AVX2 })
	const want = "3 of 4 kernels were not run, as this CPU, or GODEBUG, has no such instructions: 2 of avx512f, 1 of avx512skx"
	if line != want || narrowest != ukernel.AVX512F {
		t.Errorf("%q, %v, want %q", line, narrowest, want)
	}
	if line, _ := notRun(kernels[1:2], func(isa ukernel.ISA) bool { return isa <= ukernel.AVX2 }); line != "" {
		t.Errorf("%q of kernels that all run", line)
	}
}
