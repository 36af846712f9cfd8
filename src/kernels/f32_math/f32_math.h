/* exp, log, tanh, sigmoid, erf for f32 from +, -, *, / and bit operations alone: the same bytes in every
 * build. Each is within 2 ulp of the true value over its whole range (tests/unit/test_f32_math.c measures
 * it against double). */
#ifndef PARE_F32_MATH_H
#define PARE_F32_MATH_H

#include <stdint.h>

float pare_expf(float x);
float pare_logf(float x); /* x < 0: NaN; 0: -inf */
float pare_tanhf(float x);
float pare_sigmoidf(float x);
float pare_erff(float x);
double pare_exp(double x); /* within 2 ulp; for losses and schedules, not for inner loops */
double pare_log(double x);
double pare_cos(double x);                     /* |x| <= 1e6 */
double pare_sin(double x);                     /* |x| <= 1e6 */
double pare_pow(double base, double exponent); /* base > 0 */
/* Within 8 ulp (f64_more.c); what is outside a function's domain is NaN. */
double pare_tan(double x); /* |x| <= 1e6 */
double pare_asin(double x);
double pare_acos(double x);
double pare_atan(double x);
double pare_expm1(double x);
double pare_log1p(double x);
double pare_sinh(double x);
double pare_cosh(double x);
double pare_tanh(double x);
double pare_asinh(double x);
double pare_acosh(double x);
double pare_atanh(double x);
double pare_erf(double x);

/* Rows of n, in vector form where there is one; the same bytes as the scalar forms. y may be x. */
void pare_expf_n(const float *x, float *y, int64_t n);
void pare_tanhf_n(const float *x, float *y, int64_t n);
void pare_sigmoidf_n(const float *x, float *y, int64_t n);

#endif
