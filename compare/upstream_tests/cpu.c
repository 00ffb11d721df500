// Whether a test may skip itself. Upstream's own file, which its tests ask before they run a kernel, has the compiler's and the
// system's word for it, and not Go's: a kernel that Go refuses then ends the program.
#include "compare/upstream_tests/cpu.h"

#include <string.h>

#include "xnnpack/hardware-config.h"

// The ISA in kernels' names, and the field that says whether the CPU has it.
#if XNN_ARCH_X86_64
#define ISAS(X)                    \
  X("avx", use_x86_avx)            \
  X("f16c", use_x86_f16c)          \
  X("avx2", use_x86_avx2)          \
  X("avx512f", use_x86_avx512f)    \
  X("avx512skx", use_x86_avx512skx)\
  X("avx256skx", use_x86_avx256skx)
static const char* always[] = {"scalar", "sse", "sse2"};
#else
#define ISAS(X)                       \
  X("neon", use_arm_neon)             \
  X("neonfma", use_arm_neon_fma)      \
  X("fp16arith", use_arm_fp16_arith)  \
  X("neonfp16arith", use_arm_neon_fp16_arith)
static const char* always[] = {"scalar"};
#endif

int cpu_has(const char* isa) {
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (strcmp(isa, always[i]) == 0) return 1;
#define IS(name, field) \
  if (strcmp(isa, name) == 0) return xnn_init_hardware_config()->field;
  ISAS(IS)
  return -1;
}
