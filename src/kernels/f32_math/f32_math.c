/* exp, log, tanh, sigmoid and erf in f32 (f32_math.h). The method is the classic one (Cody and Waite 1980;
 * Moshier's Cephes uses the same splits): reduce the argument with a constant cut in two, evaluate a
 * polynomial, put the exponent back. The coefficients are minimax fits (Lawson's iteratively reweighted
 * least squares on Chebyshev nodes, 40-digit targets), rounded to f32. Error measured by
 * tests/unit/test_f32_math.c.
 *
 * Every function of the exponential family is free of branches: the *_n loops below inline it and
 * compilers turn them into vector code, which computes lane by lane what the scalar call computes. */
#include "kernels/f32_math/f32_math_forms.h"

float pare_expf(float x) {
  return exp_form(&known, x);
}
float pare_sigmoidf(float x) {
  return sigmoid_form(&known, x);
}
float pare_tanhf(float x) {
  return x != x ? x : tanh_form(&known, x);
}

PARE_F32_MATH_LOOPS(static inline void, , _plain)

#ifdef __x86_64__
void pare_expf_n__avx2(const float *x, float *y, int64_t n);
void pare_tanhf_n__avx2(const float *x, float *y, int64_t n);
void pare_sigmoidf_n__avx2(const float *x, float *y, int64_t n);
#define CHOOSE(name) (__builtin_cpu_supports("avx2") ? pare_##name##__avx2 : name##_plain)
#else
#define CHOOSE(name) name##_plain
#endif

void pare_expf_n(const float *x, float *y, int64_t n) {
  CHOOSE(expf_n)(x, y, n);
}
void pare_tanhf_n(const float *x, float *y, int64_t n) {
  CHOOSE(tanhf_n)(x, y, n);
}
void pare_sigmoidf_n(const float *x, float *y, int64_t n) {
  CHOOSE(sigmoidf_n)(x, y, n);
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
  const float y = a > 4.0f ? 1.0f : 1.0f - exp_form(&known, r);
  return x < 0.0f ? -y : y;
}
