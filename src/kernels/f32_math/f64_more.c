/* The other elementary functions in f64, from pare_exp, pare_log, square roots and series: the same bytes in every build (see
 * f32_math.h). Arguments are first made small by half-angle and addition formulas, then a Taylor series ends it (Abramowitz and
 * Stegun 1964, chapters 4 and 7). */
#include <math.h>

#include "kernels/f32_math/f32_math.h"

#define HALF_PI 1.57079632679489661923
#define LN2     6.93147180559945309417e-01

double pare_tan(double x) {
  return pare_sin(x) / pare_cos(x);
}

/* atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), twice: then |x| < 0.2. */
double pare_atan(double x) {
  const double a = fabs(x);
  if (!(a <= 1.0)) {
    if (x != x) return x;
    const double rest = HALF_PI - pare_atan(1.0 / a);
    return x < 0 ? -rest : rest;
  }
  double t = x / (1.0 + sqrt(1.0 + x * x));
  t = t / (1.0 + sqrt(1.0 + t * t));
  const double z = -(t * t);
  double sum = 0.0;
  for (int i = 25; i >= 1; i -= 2) sum = sum * z + 1.0 / i;
  return 4.0 * (sum * t);
}

double pare_asin(double x) {
  return 2.0 * pare_atan(x / (1.0 + sqrt((1.0 - x) * (1.0 + x))));
}

double pare_acos(double x) {
  return 2.0 * pare_atan(sqrt(1.0 - x) / sqrt(1.0 + x));
}

double pare_expm1(double x) {
  if (!(fabs(x) < 0.35)) return pare_exp(x) - 1.0;
  double sum = 0.0; /* x (1 + x/2 (1 + x/3 (...))) */
  for (int i = 15; i >= 1; i--) sum = (1.0 + sum) * x / i;
  return sum;
}

/* What rounding 1 + x took away is put back by the quotient (Kahan; Higham 2002, section 1.14.1). */
double pare_log1p(double x) {
  const double u = 1.0 + x;
  if (u == 1.0 || !(u < (double)INFINITY)) return x;
  return pare_log(u) * (x / (u - 1.0));
}

double pare_sinh(double x) {
  const double a = fabs(x);
  if (a != a) return x;
  double y;
  if (a < 0.35) {
    const double e = pare_expm1(a);
    y = 0.5 * (e + e / (e + 1.0));
  } else {
    const double t = pare_exp(0.5 * a); /* its square may be too large where half of it is not */
    y = (0.5 * t) * t - 0.5 / t / t;
  }
  return x < 0 ? -y : y;
}

double pare_cosh(double x) {
  const double t = pare_exp(0.5 * fabs(x));
  return (0.5 * t) * t + 0.5 / t / t;
}

double pare_tanh(double x) {
  const double a = fabs(x);
  if (a != a) return x;
  const double e = a < 20.0 ? pare_expm1(2.0 * a) : 0.0;
  const double y = a < 20.0 ? e / (e + 2.0) : 1.0;
  return x < 0 ? -y : y;
}

double pare_asinh(double x) {
  const double a = fabs(x);
  const double y = a > 1e8 ? pare_log(a) + LN2 : pare_log1p(a + a * a / (1.0 + sqrt(1.0 + a * a)));
  return x < 0 ? -y : y;
}

double pare_acosh(double x) {
  const double t = x - 1.0;
  return x > 1e8 ? pare_log(x) + LN2 : pare_log1p(t + sqrt(t * (x + 1.0)));
}

double pare_atanh(double x) {
  const double a = fabs(x), y = 0.5 * pare_log1p(2.0 * a / (1.0 - a)); /* of -a, the logarithm would cancel */
  return x < 0 ? -y : y;
}

/* |x| < 3: 2 / sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (1 3 5 ... (2n+1)), all terms of one sign (7.1.6). Beyond, 1 - the continued
 * fraction of erfc (7.1.14). */
double pare_erf(double x) {
  const double a = fabs(x), z = a * a;
  if (x != x) return x;
  if (a >= 6.0) return x < 0 ? -1.0 : 1.0;
  double y;
  if (a < 3.0) {
    double sum = 0.0;
    for (int n = 60; n >= 1; n--) sum = (1.0 + sum) * (2.0 * z / (2 * n + 1));
    y = 1.12837916709551257390 * pare_exp(-z) * (a * (1.0 + sum));
  } else {
    double tail = a;
    for (int k = 60; k >= 1; k--) tail = a + 0.5 * k / tail;
    y = 1.0 - 0.564189583547756286948 * pare_exp(-z) / tail;
  }
  return x < 0 ? -y : y;
}
