/* exp, log, cos and pow in f64 for losses, learning rates and random numbers (f32_math.h): the same
 * reductions as the f32 forms with Taylor polynomials, which at these lengths are exact enough. log
 * follows the form of fdlibm's e_log.c (Sun Microsystems 1993: log(1+f) = f - (f^2/2 - s (f^2/2 + R)), s =
 * f / (2 + f)); pow carries the logarithm in two doubles (Dekker 1971) so that its error is not multiplied
 * by the exponent. */
#include <math.h>
#include <string.h>

#include "kernels/f32_math/f32_math.h"

#define LN2_HIGH   6.93147180369123816490e-01 /* 33 bits: n * LN2_HIGH is exact */
#define LN2_LOW    1.90821492927058770002e-10
#define LOG2_E     1.44269504088896338700e+00
#define TO_NEAREST 6755399441055744.0 /* 1.5 * 2^52 */

static uint64_t to_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static double from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static double power_of_two(int n) {
  return from_bits((uint64_t)(n + 1023) << 52);
}

/* e^(x + tail), |tail| much smaller than |x|. */
static double exp_with_tail(double x, double tail) {
  if (x != x) return x;
  if (x > 710.0) return INFINITY;
  if (x < -746.0) return 0.0;
  const double n = (x * LOG2_E + TO_NEAREST) - TO_NEAREST;
  const double r = (x - n * LN2_HIGH) - (n * LN2_LOW - tail);
  /* sum r^i / i!, i = 2 .. 13; the rest is below 1e-17 for |r| <= ln2 / 2 */
  static const double c[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
                             1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
                             1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        0.5};
  double q = 0.0;
  for (int i = 0; i < 12; i++) q = q * r + c[i];
  const double p = (q * (r * r) + r) + 1.0;
  const int i_n = (int)n, half = i_n / 2;
  return (p * power_of_two(half)) * power_of_two(i_n - half);
}

double pare_exp(double x) {
  return exp_with_tail(x, 0.0);
}

/* x = 2^n (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2); x positive and finite. */
static double split(double x, int *n) {
  *n = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0; /* 2^54 */
    *n = -54;
  }
  const uint64_t bits = to_bits(x) - 0x3fe6a09e667f3bcdu;
  *n += (int)((int64_t)bits >> 52);
  return from_bits((bits & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
}

/* s^2 (2/3 + 2/5 s^2 + ...) of 2 atanh(s) = 2 s + s R, |s| <= 0.1716 */
static double atanh_rest(double s) {
  const double z = s * s;
  double r = 0.0;
  for (int i = 25; i >= 3; i -= 2) r = r * z + 2.0 / i;
  return r * z;
}

double pare_log(double x) {
  int n;
  if (x != x) return x;
  if (x < 0.0) return NAN;
  if (x == 0.0) return -INFINITY;
  if (x == INFINITY) return x;
  const double f = split(x, &n);
  const double s = f / (2.0 + f), half = 0.5 * f * f;
  return n * LN2_HIGH - ((half - (s * (half + atanh_rest(s)) + n * LN2_LOW)) - f);
}

/* ---- two doubles: value = high + low
 * ------------------------------------------------------------------------ */
typedef struct pair {
  double high, low;
} pair;

static pair add_exact(double a, double b) {
  const double sum = a + b, part = sum - a;
  return (pair){sum, (a - (sum - part)) + (b - part)};
}

static pair mul_exact(double a, double b) {
  const double ca = 134217729.0 * a, cb = 134217729.0 * b; /* Veltkamp's split at 2^27 */
  const double ah = ca - (ca - a), bh = cb - (cb - b), al = a - ah, bl = b - bh, product = a * b;
  return (pair){product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

static pair add_pairs(pair a, pair b) {
  const pair sum = add_exact(a.high, b.high);
  return add_exact(sum.high, sum.low + (a.low + b.low));
}

static pair mul_pairs(pair a, pair b) {
  const pair product = mul_exact(a.high, b.high);
  return add_exact(product.high, product.low + (a.high * b.low + a.low * b.high));
}

static pair div_pairs(pair a, pair b) {
  const double first = a.high / b.high;
  const pair back = mul_pairs((pair){first, 0.0}, b);
  const double rest = ((a.high - back.high) - back.low + a.low) / b.high;
  return add_exact(first, rest);
}

/* log(x) to about 100 bits: n ln2 + 2 atanh(s); the first four terms of the series in pairs. */
static pair log_pair(double x) {
  int n;
  const double f = split(x, &n);
  const pair s = div_pairs((pair){f, 0.0}, add_exact(2.0, f));
  const pair z = mul_pairs(s, s);
  double rest = 0.0; /* 2/11 + 2/13 z + ... */
  for (int i = 27; i >= 11; i -= 2) rest = rest * z.high + 2.0 / i;
  pair sum = {rest, 0.0};
  for (int i = 9; i >= 1; i -= 2)
    sum = add_pairs(mul_pairs(sum, z), div_pairs((pair){2.0, 0.0}, (pair){i, 0.0}));
  const pair n_ln2 =
      mul_pairs((pair){n, 0.0}, (pair){6.93147180559945286227e-01, 2.31904681384629955842e-17});
  return add_pairs(n_ln2, mul_pairs(sum, s));
}

double pare_pow(double base, double exponent) {
  if (exponent == 0.0 || base == 1.0) return 1.0;
  if (base != base || exponent != exponent || base < 0.0) return NAN;
  if (base == 0.0) return exponent > 0.0 ? 0.0 : INFINITY;
  if (base == INFINITY) return exponent > 0.0 ? INFINITY : 0.0;
  const pair y = log_pair(base);
  const double rough = y.high * exponent;
  if (rough > 710.0) return INFINITY;
  if (rough < -746.0) return 0.0;
  const pair product = mul_pairs(y, (pair){exponent, 0.0});
  return exp_with_tail(product.high, product.low);
}

/* pi/2 = the sum of four parts; the first three have 33 bits, so that n times each is exact for |n| < 2^20
 * (fdlibm's e_rem_pio2.c). */
/* cos(x + quarters pi / 2) */
static double turned_cos(double x, int quarters) {
  static const double parts[] = {1.57079632673412561417e+00, 6.07710050630396597660e-11,
                                 2.02226624871116645580e-21, 8.47842766036889956997e-32};
  const double n = (x * 6.36619772367581382433e-01 + TO_NEAREST) - TO_NEAREST;
  if (!(n < 1e7 && n > -1e7)) return NAN;
  pair r = {x, 0.0};
  for (int i = 0; i < 4; i++) r = add_pairs(r, (pair){-(n * parts[i]), 0.0});
  const int quadrant = (int)(((int64_t)n + quarters) & 3);
  const double z = r.high * r.high;
  double even = 0.0, odd = 0.0;
  for (int i = 16; i >= 2; i -= 2) { /* Horner: 1 - z/(1*2) (1 - z/(3*4) (...)), and the same for the sine */
    even = (1.0 - even) * z / (double)(i * (i - 1));
    odd = (1.0 - odd) * z / (double)(i * (i + 1));
  }
  const double cosine = 1.0 - (even + r.high * r.low), sine = r.high - (r.high * odd - r.low);
  switch (quadrant) {
  case 0: return cosine;
  case 1: return -sine;
  case 2: return -cosine;
  default: return sine;
  }
}

double pare_cos(double x) {
  return turned_cos(x, 0);
}

double pare_sin(double x) {
  return turned_cos(x, 3);
}
