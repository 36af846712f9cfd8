/* exp, log, tanh, sigmoid and erf in f32 (f32_math.h). The method is the classic one (Cody and Waite 1980; Moshier's Cephes uses the same
 * splits): reduce the argument with a constant cut in two, evaluate a polynomial, put the exponent back. The coefficients are minimax fits
 * (Lawson's iteratively reweighted least squares on Chebyshev nodes, 40-digit targets), rounded to f32. Error measured by
 * tests/unit/test_f32_math.c.
 *
 * Every function of the exponential family is free of branches: the *_n loops below inline it and compilers turn them into vector code,
 * which computes lane by lane what the scalar call computes. */
/* gcc keeps the selects below as jumps, and the loops scalar, as long as it believes that somebody watches floating-point traps. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math")
#endif

#include "kernels/f32_math/f32_math.h"

#include <math.h>
#include <string.h>

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

/* x = n ln2 + r; e^x = 2^n (1 + r + r^2 Q(r)), |r| <= ln2 / 2, |Q's error| r^2 < 4e-9. Two factors give 2^n, so that results below
 * 2^-126 are reached gradually. */
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

/* sigmoid(x) = 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below: the exponential never overflows. What rounding the divisor took away
 * (`lost`) is put back: 1 / (s + lost) = 1/s - lost/s^2. */
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

float pare_expf(float x) {
  return exp_form(x);
}
float pare_sigmoidf(float x) {
  return sigmoid_form(x);
}
float pare_tanhf(float x) {
  return x != x ? x : tanh_form(x);
}

void pare_expf_n(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = exp_form(x[i]);
}

void pare_sigmoidf_n(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = sigmoid_form(x[i]);
}

void pare_tanhf_n(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = tanh_form(x[i]);
}

/* x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); log(1 + f) = f - f^2 / 2 + f^3 P(f). */
float pare_logf(float x) {
  if (x != x) return x;
  if (x < 0.0f) return NAN;
  if (x == 0.0f) return -INFINITY;
  if (x == INFINITY) return x;
  float n = 0.0f;
  if (x < 1.17549435e-38f) {
    x *= 8388608.0f;
    n = -23.0f;
  }
  /* Taking the bits of sqrt(1/2) off rounds the exponent so that 1 + f lies around 1. */
  const uint32_t bits = to_bits(x) - 0x3f3504f3u;
  n += (float)((int32_t)bits >> 23);
  const float f = from_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 0.06746552f;
  p = p * f + -0.11675628f;
  p = p * f + 0.1188819f;
  p = p * f + -0.124055944f;
  p = p * f + 0.1421955f;
  p = p * f + -0.16667995f;
  p = p * f + 0.20002119f;
  p = p * f + -0.2500001f;
  p = p * f + 0.33333313f;
  const float z = f * f;
  float y = (f * z) * p + n * LN2_LOW;
  y = y - 0.5f * z;
  return (f + y) + n * LN2_HIGH;
}

/* |x| < 0.93: x + x P(x^2). Beyond: 1 - e^R(|x|), R a fit of log(erfc) on [0.92, 4]. */
float pare_erff(float x) {
  const float a = from_bits(to_bits(x) & 0x7fffffffu);
  if (x != x) return x;
  if (a < 0.93f) {
    const float z = x * x;
    float p = 8.3452214e-05f;
    p = p * z + -0.0008137437f;
    p = p * z + 0.0052006342f;
    p = p * z + -0.02685927f;
    p = p * z + 0.11283694f;
    p = p * z + -0.37612635f;
    p = p * z + 0.12837917f;
    return p * x + x;
  }
  const float t = a > 4.0f ? 4.0f : a;
  float r = -2.1095162e-05f;
  r = r * t + 0.00043446384f;
  r = r * t + -0.004171069f;
  r = r * t + 0.02511944f;
  r = r * t + -0.10828011f;
  r = r * t + -0.6333469f;
  r = r * t + -1.1295149f;
  r = r * t + 0.00017468604f;
  const float y = a > 4.0f ? 1.0f : 1.0f - exp_form(r);
  return x < 0.0f ? -y : y;
}
