// Upstream's symbols for the Go kernels. The macro of a family defines one of them; names.inc has a line for each kernel of
// ukernel/upstream.txt, such as f32_rmax(f32_rmax_ukernel__avx_u8).
#include "compare/upstream_tests/exports/exports.h"

typedef const void* params; // which no kernel reads

#define f32_rmax(name)                                               \
  void xnn_##name(size_t size, float* src, float* max, params p) { \
    goF32RMax(#name, size, src, max);                              \
  }
#define f32_raddextexp(name)                              \
  void xnn_##name(size_t size, float* src, float* sum) { \
    goF32RAddExtExp(#name, size, src, sum);              \
  }
#define f32_vscaleextexp(name)                                                                 \
  void xnn_##name(size_t size, float* src, float* dst, float mantissa, float exponent) { \
    goF32VScaleExtExp(#name, size, src, dst, mantissa, exponent);                        \
  }
#define f32_raddexpminusmax(name)                                    \
  void xnn_##name(size_t size, float* src, float* sum, float max) { \
    goF32RAddExpMinusMax(#name, size, src, sum, max);               \
  }
#define f32_vscaleexpminusmax(name)                                               \
  void xnn_##name(size_t size, float* src, float* dst, float scale, float max) { \
    goF32VScaleExpMinusMax(#name, size, src, dst, scale, max);                   \
  }
#define f32_raddstoreexpminusmax(name)                                                          \
  void xnn_##name(size_t size, float* src, float* max, float* dst, float* sum, params p) { \
    goF32RAddStoreExpMinusMax(#name, size, src, max, dst, sum);                            \
  }
#define f32_vmulc(name)                                                        \
  void xnn_##name(size_t size, float* src, float* c, float* dst, params p) { \
    goF32VMulC(#name, size, src, c, dst);                                    \
  }
#define f16_rmax(name)                                                       \
  void xnn_##name(size_t size, uint16_t* src, uint16_t* max, params p) { \
    goF16RMax(#name, size, src, max);                                    \
  }
#define f16_raddstoreexpminusmax(name)                                                                      \
  void xnn_##name(size_t size, uint16_t* src, uint16_t* max, uint16_t* dst, uint16_t* sum, params p) { \
    goF16RAddStoreExpMinusMax(#name, size, src, max, dst, sum);                                        \
  }
#define f16_vmulc(name)                                                                 \
  void xnn_##name(size_t size, uint16_t* src, uint16_t* c, uint16_t* dst, params p) { \
    goF16VMulC(#name, size, src, c, dst);                                             \
  }
#define u8_rmax(name)                                                      \
  void xnn_##name(size_t size, uint8_t* src, uint8_t* max, params p) { \
    goU8RMax(#name, size, src, max);                                   \
  }
#define u8_lut32norm(name)                                                         \
  void xnn_##name(size_t size, uint8_t* src, uint32_t* table, uint8_t* dst) { \
    goU8LUT32Norm(#name, size, src, table, dst);                              \
  }

#include "compare/upstream_tests/names.inc"
