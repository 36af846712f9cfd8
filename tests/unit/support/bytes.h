/* 8-bit numbers for the tests of integer kernels. */
#ifndef PARE_TEST_BYTES_H
#define PARE_TEST_BYTES_H

#include "base/rng.h"

/* Often an extreme. */
static inline uint8_t any_byte(pare_rng *rng) {
  static const uint8_t extremes[] = {0, 255, 127, 128};
  const uint32_t pick = pare_rng_below(rng, 8);
  return pick < 4 ? extremes[pick] : (uint8_t)pare_rng_u32(rng);
}

static inline int32_t value_of(uint8_t byte, bool is_signed) {
  return is_signed ? (int8_t)byte : byte;
}

static inline uint8_t *some_bytes(pare_context *ctx, pare_rng *rng, int64_t n) {
  uint8_t *bytes = pare_alloc(ctx, (size_t)n);
  for (int64_t i = 0; i < n; i++) bytes[i] = any_byte(rng);
  return bytes;
}

#endif
