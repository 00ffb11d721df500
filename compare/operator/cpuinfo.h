// What upstream asks the library cpuinfo, answered by the compiler on x86 and by the kernel on Arm: which instructions the
// CPU has. What no kernel of softmax needs is not there.
#include <stdbool.h>

static inline bool cpuinfo_initialize(void) { return true; }

#if defined(__x86_64__)
#include <cpuid.h>

#define CPUINFO_X86(name, isa) \
  static inline bool cpuinfo_has_x86_##name(void) { return __builtin_cpu_supports(isa); }
CPUINFO_X86(ssse3, "ssse3")
CPUINFO_X86(sse4_1, "sse4.1")
CPUINFO_X86(avx, "avx")
CPUINFO_X86(fma3, "fma")
CPUINFO_X86(avx2, "avx2")
CPUINFO_X86(avx512f, "avx512f")
CPUINFO_X86(avx512bw, "avx512bw")
CPUINFO_X86(avx512dq, "avx512dq")
CPUINFO_X86(avx512vl, "avx512vl")
static inline bool cpuinfo_has_x86_f16c(void) {  // whose name clang 16 does not know
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) && cpuinfo_has_x86_avx();
}
// Upstream has it stand for AVX10, beside AVX-512.
static inline bool cpuinfo_has_x86_amx_int8(void) { return false; }
#else
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define CPUINFO_ARM(name, bit) \
  static inline bool cpuinfo_has_arm_##name(void) { return (getauxval(AT_HWCAP) & (bit)) != 0; }
CPUINFO_ARM(neon, HWCAP_ASIMD)
CPUINFO_ARM(neon_fma, HWCAP_ASIMD)
CPUINFO_ARM(neon_v8, HWCAP_ASIMD)
CPUINFO_ARM(neon_fp16, HWCAP_ASIMD)
CPUINFO_ARM(vfpv3, HWCAP_FP)
CPUINFO_ARM(fp16_arith, HWCAP_FPHP)
CPUINFO_ARM(neon_fp16_arith, HWCAP_ASIMDHP)
CPUINFO_ARM(neon_bf16, 0)
CPUINFO_ARM(neon_dot, 0)
CPUINFO_ARM(i8mm, 0)
CPUINFO_ARM(sve, 0)
CPUINFO_ARM(sve2, 0)
CPUINFO_ARM(sme, 0)
CPUINFO_ARM(sme2, 0)
#endif
