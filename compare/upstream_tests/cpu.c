// What upstream's tests ask before they run a kernel; they skip those that the CPU can't run. The compiler's and the kernel's
// word stand for upstream's cpuinfo library, and not Go's: a kernel that Go refuses then ends the program.
#include "compare/upstream_tests/cpu.h"

#include <string.h>

#include "xnnpack/hardware-config.h"

// A flag of upstream's, the ISA in its kernels' names, and whether the CPU has it.
#if XNN_ARCH_X86_64
#define HAS __builtin_cpu_supports
#define SKX HAS("avx512f") && HAS("avx512cd") && HAS("avx512bw") && HAS("avx512dq") && HAS("avx512vl")
#define ISAS(X)                                      \
  X(x86_avx, "avx", HAS("avx"))                      \
  X(x86_f16c, "f16c", HAS("f16c"))                   \
  X(x86_avx2, "avx2", HAS("avx2") && HAS("fma"))     \
  X(x86_avx512f, "avx512f", HAS("avx512f"))          \
  X(x86_avx512skx, "avx512skx", SKX)                 \
  X(x86_avx256skx, "avx256skx", SKX)
static const char* always[] = {"scalar", "sse", "sse2"};
#else
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define HAS(bit) (getauxval(AT_HWCAP) & (bit)) != 0
#define ISAS(X)                                                  \
  X(arm_neon, "neon", HAS(HWCAP_ASIMD))                          \
  X(arm_neon_fma, "neonfma", HAS(HWCAP_ASIMD))                   \
  X(arm_fp16_arith, "fp16arith", HAS(HWCAP_FPHP))                \
  X(arm_neon_fp16_arith, "neonfp16arith", HAS(HWCAP_ASIMDHP))
static const char* always[] = {"scalar"};
#endif

const struct xnn_hardware_config* xnn_init_hardware_config() {
  static struct xnn_hardware_config config;
#define SET(flag, isa, has) \
  config.use_##flag = has;  \
  if (config.use_##flag) config.arch_flags |= xnn_arch_##flag;
  ISAS(SET)
  return &config;
}

int cpu_has(const char* isa) {
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (strcmp(isa, always[i]) == 0) return 1;
#define IS(flag, name, has) \
  if (strcmp(isa, name) == 0) return has;
  ISAS(IS)
  return -1;
}
