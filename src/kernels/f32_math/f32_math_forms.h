/* The formulas of exp, sigmoid and tanh (see f32_math.c), free of branches, so that a loop over one is
 * turned into vector code. Included by f32_math.c and by the files that compile the same loops for wider
 * vectors: every lane does what the scalar call does, so the bytes are the same. */
#ifndef PARE_F32_MATH_FORMS_H
#define PARE_F32_MATH_FORMS_H

/* gcc keeps the selects below as jumps, and the loops scalar, as long as it believes that somebody watches
 * floating-point traps. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math")
#endif

#include <math.h>
#include <string.h>

#include "kernels/f32_math/f32_math.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* ln 2 = LN2_HIGH + LN2_LOW; LN2_HIGH has 9 bits, so that n * LN2_HIGH is exact for |n| < 2^15. */
#define LN2_HIGH   0.693359375f
#define LN2_LOW    (-2.12194440e-4f)
#define LOG2_E     1.44269504f
#define TO_NEAREST 12582912.0f /* 1.5 * 2^23: adding and taking it off rounds to the nearest integer */

/* x = n ln2 + r; e^x = 2^n (1 + r + r^2 Q(r)), |r| <= ln2 / 2, |Q's error| r^2 < 4e-9. Two factors give
 * 2^n, so that results below 2^-126 are reached gradually. */
INLINE float exp_form(float x) {
  float t = x > 89.0f ? 89.0f : x;
  t = t < -104.0f ? -104.0f : t;
  const float shifted = t * LOG2_E + TO_NEAREST;
  const float n = shifted - TO_NEAREST;
  const int32_t i_n = (int32_t)(to_bits(shifted) - to_bits(TO_NEAREST));
  const float high = t - n * LN2_HIGH, low = n * LN2_LOW;
  const float r = high - low, lost = (high - r) - low; /* what rounding r took away */
  float q = 0.0013951715f;
  q = q * r + 0.008369599f;
  q = q * r + 0.041666187f;
  q = q * r + 0.16666512f;
  q = q * r + 0.5f;
  const float p = ((q * (r * r) + lost) + r) + 1.0f;
  const int32_t half = i_n >> 1;
  const uint32_t first = (uint32_t)half + 127u, second = (uint32_t)(i_n - half) + 127u;
  return (p * from_bits(first << 23)) * from_bits(second << 23);
}

/* sigmoid(x) = 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below: the exponential never overflows. What
 * rounding the divisor took away (`lost`) is put back: 1 / (s + lost) = 1/s - lost/s^2. */
INLINE float sigmoid_form(float x) {
  const float e = exp_form(from_bits(to_bits(x) | 0x80000000u));
  const float top = x < 0.0f ? e : 1.0f;
  const float divisor = 1.0f + e, lost = e - (divisor - 1.0f);
  const float first = top / divisor;
  const float inverse = x < 0.0f ? 1.0f - first : first;
  const float y = first - (first * inverse) * lost;
  return x != x ? x : y;
}

/* |x| < 0.625: x + x^3 P(x^2). Beyond: 1 - 2 / (e^2|x| + 1), with the sign of x. */
INLINE float tanh_form(float x) {
  const uint32_t sign = to_bits(x) & 0x80000000u;
  const float a = from_bits(to_bits(x) & 0x7fffffffu);
  const float big = 1.0f - 2.0f / (exp_form(a + a) + 1.0f);
  const float z = a * a;
  float p = 0.002147533f;
  p = p * z + -0.008182669f;
  p = p * z + 0.021702966f;
  p = p * z + -0.053947203f;
  p = p * z + 0.1333321f;
  p = p * z + -0.3333333f;
  const float small = (p * z) * a + a;
  const float y = a < 0.625f ? small : big;
  return from_bits(to_bits(y) | sign);
}

/* No iteration depends on another, also when y is x. */
#if defined(__clang__)
#define PARE_F32_MATH_LANES _Pragma("clang loop vectorize(assume_safety)")
#else
#define PARE_F32_MATH_LANES _Pragma("GCC ivdep")
#endif

#define PARE_F32_MATH_LOOP(TYPE, name, form)                                                                 \
  TYPE name(const float *x, float *y, int64_t n) {                                                           \
    PARE_F32_MATH_LANES for (int64_t i = 0; i < n; i++) y[i] = form(x[i]);                                   \
  }

/* The three loops: `TYPE` and the names' two ends are the caller's. */
#define PARE_F32_MATH_LOOPS(TYPE, BEFORE, AFTER)                                                             \
  PARE_F32_MATH_LOOP(TYPE, BEFORE##expf_n##AFTER, exp_form)                                                  \
  PARE_F32_MATH_LOOP(TYPE, BEFORE##tanhf_n##AFTER, tanh_form)                                                \
  PARE_F32_MATH_LOOP(TYPE, BEFORE##sigmoidf_n##AFTER, sigmoid_form)

#endif
