package ukernel

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// ISA is the instruction set of a kernel, by upstream's name.
type ISA uint8

// The instruction sets of kernels.
const (
	// Scalar is portable code: C on one side, Go on the other.
	Scalar        ISA = iota
	SSE               // 128-bit, x86
	SSE2              // 128-bit with integer operations, x86
	AVX               // 256-bit, x86
	F16C              // 256-bit with conversions from and to binary16, x86
	AVX2              // 256-bit with integer operations, FMA and F16C, x86
	AVX256SKX         // AVX-512 F, CD, BW, DQ and VL on 256-bit vectors, x86
	AVX512F           // 512-bit, x86
	AVX512SKX         // AVX-512 F, CD, BW, DQ and VL on 512-bit vectors, x86
	AVX512FP16        // 512-bit with binary16 arithmetic, x86
	NEON              // 128-bit, arm64
	NEONFMA           // 128-bit with FMA, arm64
	FP16ARITH         // binary16 arithmetic on single numbers, arm64
	NEONFP16ARITH     // 128-bit with binary16 arithmetic, arm64

	numISAs
)

var isas = [numISAs]struct {
	name  string
	arch  string // GOARCH; empty for any
	lanes int
	needs []cpuid.FeatureID
	// debug holds the names by which GODEBUG=cpu.NAME=off disables the ISA.
	debug []string
}{
	Scalar: {name: "scalar", lanes: 1},
	SSE:    {"sse", "amd64", 4, []cpuid.FeatureID{cpuid.SSE}, nil},
	SSE2:   {"sse2", "amd64", 4, []cpuid.FeatureID{cpuid.SSE2}, nil},
	AVX:    {"avx", "amd64", 8, []cpuid.FeatureID{cpuid.AVX}, []string{"avx"}},
	F16C:   {"f16c", "amd64", 8, []cpuid.FeatureID{cpuid.AVX, cpuid.F16C}, []string{"avx"}},
	AVX2: {"avx2", "amd64", 8, []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.F16C},
		[]string{"avx", "avx2", "fma"}},
	AVX256SKX: {"avx256skx", "amd64", 8, skx, skxDebug},
	AVX512F: {"avx512f", "amd64", 16, []cpuid.FeatureID{cpuid.AVX512F},
		[]string{"avx", "avx2", "fma", "avx512", "avx512f"}},
	AVX512SKX:  {"avx512skx", "amd64", 16, skx, skxDebug},
	AVX512FP16: {"avx512fp16", "amd64", 32, append([]cpuid.FeatureID{cpuid.AVX512FP16}, skx...), skxDebug},

	NEON:    {"neon", "arm64", 4, nil, nil},
	NEONFMA: {"neonfma", "arm64", 4, nil, nil},
	// Of binary16 numbers.
	FP16ARITH:     {"fp16arith", "arm64", 1, []cpuid.FeatureID{cpuid.FPHP}, nil},
	NEONFP16ARITH: {"neonfp16arith", "arm64", 8, []cpuid.FeatureID{cpuid.ASIMDHP}, nil},
}

// skx is what Skylake-X brought, and skxDebug how it is disabled.
var (
	skx = []cpuid.FeatureID{cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512CD, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL}

	skxDebug = []string{"avx", "avx2", "fma", "avx512", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
)

// ISAs lists every ISA, narrow before wide within an architecture.
func ISAs() []ISA {
	is := make([]ISA, numISAs)
	for i := range is {
		is[i] = ISA(i)
	}
	return is
}

// ParseISA returns the ISA with a name.
func ParseISA(name string) (ISA, bool) {
	for i := range isas {
		if isas[i].name == name {
			return ISA(i), true
		}
	}
	return 0, false
}

// String returns upstream's name of the ISA, such as "avx512f".
func (i ISA) String() string {
	if i < numISAs {
		return isas[i].name
	}
	return fmt.Sprintf("ISA(%d)", uint8(i))
}

// Arch returns the GOARCH of the ISA, or "" for [Scalar].
func (i ISA) Arch() string { return isas[i].arch }

// Lanes returns the number of float32 in a vector, or of binary16 numbers for an ISA with
// binary16 arithmetic.
func (i ISA) Lanes() int { return isas[i].lanes }

// Supported reports whether this CPU and its operating system run the ISA.
//
// As in the standard library, GODEBUG=cpu.avx2=off and the like, or
// GODEBUG=cpu.all=off, hide features of the CPU. The variable is read once.
func (i ISA) Supported() bool { return supported()[i] }

var supported = sync.OnceValue(func() (ok [numISAs]bool) {
	off := debugOff(os.Getenv("GODEBUG"))
	for i, isa := range isas {
		ok[i] = isa.arch == "" || isa.arch == runtime.GOARCH && has(isa.needs)
		for _, name := range isa.debug {
			ok[i] = ok[i] && !off[name] && !off["all"]
		}
	}
	return ok
})

// has reports whether the CPU has every feature. Every arm64 CPU that Go supports has
// Advanced SIMD, which is no feature here.
func has(features []cpuid.FeatureID) bool { return cpuid.CPU.Supports(features...) }

// debugOff returns the features that a GODEBUG value switches off.
func debugOff(godebug string) map[string]bool {
	off := make(map[string]bool)
	for setting := range strings.SplitSeq(godebug, ",") {
		if name, ok := strings.CutPrefix(setting, "cpu."); ok {
			if name, value, _ := strings.Cut(name, "="); value == "off" {
				off[name] = true
			} else if value == "on" {
				delete(off, name)
			}
		}
	}
	return off
}
