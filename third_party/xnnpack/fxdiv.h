/* XNNPACK's u8_lut32norm divides by FXdiv, a library that turns divisions by one number into multiplications. Its quotients
   are those of the division itself. */
#include <stdint.h>

struct fxdiv_divisor_uint32_t {
  uint32_t value;
};

static inline struct fxdiv_divisor_uint32_t fxdiv_init_uint32_t(uint32_t d) {
  return (struct fxdiv_divisor_uint32_t){d};
}

static inline uint32_t fxdiv_quotient_uint32_t(uint32_t n, const struct fxdiv_divisor_uint32_t d) { return n / d.value; }
