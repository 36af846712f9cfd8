/* Random shapes and numbers for tests of kernels: the same in every run. */
#ifndef PARE_TEST_RANDOM_H
#define PARE_TEST_RANDOM_H

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static uint32_t random_seed = 11;

static inline uint32_t random_u32(void) {
  random_seed = random_seed * 1664525u + 1013904223u;
  return random_seed >> 8;
}

/* Both ends count. */
static inline int64_t between(int64_t low, int64_t high) {
  return low + (int64_t)(random_u32() % (uint32_t)(high - low + 1));
}

/* In [-1, 1). */
static inline float random_f32(void) {
  return (float)random_u32() / 8388608.0f - 1.0f;
}

/* [n], to be freed. */
static inline float *random_n(int64_t n) {
  float *x = malloc((size_t)(n + 1) * sizeof(float));
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = random_f32();
  return x;
}

/* [n], to be freed. */
static inline float *copy_of(const float *x, int64_t n) {
  float *copy = malloc((size_t)(n + 1) * sizeof(float));
  assert_non_null(copy);
  memcpy(copy, x, (size_t)n * sizeof(float));
  return copy;
}

#endif
