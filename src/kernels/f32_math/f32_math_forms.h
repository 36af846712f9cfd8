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

#include "base/base.h"
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
#define LN2_HIGH 0.693359375f
#define LN2_LOW  (-2.12194440e-4f)

/* What the forms compute with. In memory, because V8 builds a vector constant of four or five instructions, anew in
 * every turn of a loop. */
typedef struct constants {
  float most, least; /* of x: beyond, e^x is infinite, or 0 */
  float log2_e, ln2_high, ln2_low;
  float to_nearest;      /* 1.5 * 2^23: adding and taking it off rounds to the nearest integer */
  float to_nearest_high; /* and 64 more */
  float exp[5], tanh[6];
  float one, two, tanh_small, tanh_most, two_to_minus_64;
  uint32_t sign, exponent_bias;
} constants;

static const constants known = {
    .most = 89.0f,
    .least = -104.0f,
    .log2_e = 1.44269504f,
    .ln2_high = LN2_HIGH,
    .ln2_low = LN2_LOW,
    .to_nearest = 12582912.0f,
    .to_nearest_high = 12582976.0f,
    .exp = {0.0013951715f, 0.008369599f, 0.041666187f, 0.16666512f, 0.5f},
    .tanh = {0.002147533f, -0.008182669f, 0.021702966f, -0.053947203f, 0.1333321f, -0.3333333f},
    .one = 1.0f,
    .two = 2.0f,
    .tanh_small = 0.625f,
    .tanh_most = 40.0f,
    .two_to_minus_64 = 0x1p-64f,
    .sign = 0x80000000u,
    .exponent_bias = 127u,
};

/* Where they are, and not what: a compiler that saw through it would write the numbers out again. */
INLINE const constants *known_somewhere(void) {
  const constants *k = &known;
  __asm__("" : "+r"(k));
  return k;
}

/* t = n ln2 + r; e^t = 2^n (1 + r + r^2 Q(r)), |r| <= ln2 / 2, |Q's error| r^2 < 4e-9: this is what 2^n multiplies.
 * The lowest bits of `shifted` are those of n, and of what `to_nearest` has in its. */
INLINE float exp_fraction(const constants *k, float t, float to_nearest, uint32_t *shifted) {
  const float sum = t * k->log2_e + to_nearest;
  const float n = sum - to_nearest;
  const float high = t - n * k->ln2_high, low = n * k->ln2_low;
  const float r = high - low, lost = (high - r) - low; /* what rounding r took away */
  float q = k->exp[0];
  q = q * r + k->exp[1];
  q = q * r + k->exp[2];
  q = q * r + k->exp[3];
  q = q * r + k->exp[4];
  *shifted = to_bits(sum);
  return ((q * (r * r) + lost) + r) + k->one;
}

/* Two factors give 2^n, so that results below 2^-126 are reached gradually. */
INLINE float exp_form(const constants *k, float x) {
  float t = x > k->most ? k->most : x;
  t = t < k->least ? k->least : t;
  uint32_t shifted;
  const float p = exp_fraction(k, t, k->to_nearest, &shifted);
  const int32_t i_n = (int32_t)(shifted - to_bits(k->to_nearest));
  const int32_t half = i_n >> 1;
  const uint32_t first = (uint32_t)half + k->exponent_bias,
                 second = (uint32_t)(i_n - half) + k->exponent_bias;
  return (p * from_bits(first << 23)) * from_bits(second << 23);
}

/* The same numbers for -104 <= t <= 0, in fewer operations: 2^(n + 64), which cannot be too small, goes straight to
 * the exponent. */
INLINE float exp_form_below_0(const constants *k, float t) {
  uint32_t shifted;
  const float p = exp_fraction(k, t, k->to_nearest_high, &shifted);
  return from_bits(to_bits(p) + (shifted << 23)) * k->two_to_minus_64;
}

/* sigmoid(x) = 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below: the exponential never overflows. What
 * rounding the divisor took away (`lost`) is put back: 1 / (s + lost) = 1/s - lost/s^2. As e <= 1, the larger of two
 * is each time the one that belongs to the sign of x. x that is no number passes both comparisons at the end. */
INLINE float sigmoid_exp(const constants *k, float x) {
  const float minus = from_bits(to_bits(x) | k->sign);
  return exp_form_below_0(k, minus < k->least ? k->least : minus);
}
INLINE float sigmoid_end(const constants *k, float x, float e) {
  const float one_or_0 = x < 0.0f ? 0.0f : k->one;
  const float top = e < one_or_0 ? one_or_0 : e;
  const float divisor = k->one + e, lost = e - (divisor - k->one);
  const float first = top / divisor, other = k->one - first;
  const float y = first - (first * (first < other ? other : first)) * lost;
  const float below = k->least < x ? k->least : x;
  return below < y ? y : below;
}
INLINE float sigmoid_form(const constants *k, float x) {
  return sigmoid_end(k, x, sigmoid_exp(k, x));
}

/* |x| < 0.625: x + x^3 P(x^2). Beyond: 1 - 2 / (e^2|x| + 1), with the sign of x; it is 1 from e^25 on, and 2^n goes
 * straight to the exponent. */
INLINE float tanh_exp(const constants *k, float x) {
  const float a = from_bits(to_bits(x) & ~k->sign), twice = a + a;
  uint32_t n;
  const float p = exp_fraction(k, twice > k->tanh_most ? k->tanh_most : twice, k->to_nearest, &n);
  return from_bits(to_bits(p) + (n << 23));
}
INLINE float tanh_end(const constants *k, float x, float e) {
  const uint32_t sign = to_bits(x) & k->sign;
  const float a = from_bits(to_bits(x) & ~k->sign);
  const float big = k->one - k->two / (e + k->one);
  const float z = a * a;
  float p = k->tanh[0];
  p = p * z + k->tanh[1];
  p = p * z + k->tanh[2];
  p = p * z + k->tanh[3];
  p = p * z + k->tanh[4];
  p = p * z + k->tanh[5];
  const float small = (p * z) * a + a;
  const float y = a >= k->tanh_small ? big : small;
  return from_bits(to_bits(y) | sign);
}
INLINE float tanh_form(const constants *k, float x) {
  return tanh_end(k, x, tanh_exp(k, x));
}

#define PARE_F32_MATH_LOOP(TYPE, name, form)                                                                 \
  TYPE name(const float *x, float *y, int64_t n) {                                                           \
    const constants *const k = known_somewhere();                                                            \
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = form(k, x[i]);                                         \
  }

/* name_exp in one loop and name_end in another, a block at a time: a processor has only so many operations under way
 * at once, and where the way through them is half as long they are done in half the time. gcc would make jumps of
 * the second loop's choices, and no vectors. */
#ifdef __clang__
#define PARE_F32_MATH_BLOCK 256
#define PARE_F32_MATH_TWO_LOOPS(TYPE, name, form)                                                            \
  TYPE name(const float *x, float *y, int64_t n) {                                                           \
    const constants *const k = known_somewhere();                                                            \
    float e[PARE_F32_MATH_BLOCK];                                                                            \
    for (int64_t now; n > 0; n -= now, x += now, y += now) {                                                 \
      now = n < PARE_F32_MATH_BLOCK ? n : PARE_F32_MATH_BLOCK;                                               \
      PARE_IVDEP for (int64_t i = 0; i < now; i++) e[i] = form##_exp(k, x[i]);                               \
      PARE_IVDEP for (int64_t i = 0; i < now; i++) y[i] = form##_end(k, x[i], e[i]);                         \
    }                                                                                                        \
  }
#else
#define PARE_F32_MATH_TWO_LOOPS(TYPE, name, form) PARE_F32_MATH_LOOP(TYPE, name, form##_form)
#endif

/* The three functions: `TYPE` and the names' two ends are the caller's. */
#define PARE_F32_MATH_LOOPS(TYPE, BEFORE, AFTER)                                                             \
  PARE_F32_MATH_LOOP(TYPE, BEFORE##expf_n##AFTER, exp_form)                                                  \
  PARE_F32_MATH_TWO_LOOPS(TYPE, BEFORE##tanhf_n##AFTER, tanh)                                                \
  PARE_F32_MATH_TWO_LOOPS(TYPE, BEFORE##sigmoidf_n##AFTER, sigmoid)

#endif
