/* The core's own exp, log, tanh, sigmoid, erf: error in units in the last place over dense sweeps, special
 * values, and vector forms against scalar ones bit for bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_math/f32_math.h"
#include "support/unit.h"

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* |got - expected| in spacings of f32 around `expected`. */
static double ulps_f32(float got, double expected) {
  if (isinf(got) && fabs(expected) > 3.4028235e38) return 0;
  int exponent;
  frexp(expected, &exponent);
  const double spacing = ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
  return fabs((double)got - expected) / spacing;
}

static double ulps_f64(double got, long double expected) {
  int exponent;
  frexpl(expected, &exponent);
  const long double spacing = ldexpl(1.0L, exponent < -1021 ? -1074 : exponent - 53);
  return (double)(fabsl((long double)got - expected) / spacing);
}

static double exact_sigmoid(double x) {
  return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/* Every `step`-th f32 between the bit patterns, of both signs. */
static void sweep(const char *name, float (*fn)(float), double (*exact)(double), float most, int both) {
  double worst = 0;
  float at = 0;
  uint32_t end;
  memcpy(&end, &most, sizeof end);
  for (uint32_t bits = 0; bits <= end; bits += 911) {
    for (int sign = 0; sign <= both; sign++) {
      const float x = from_bits(bits | (uint32_t)sign << 31);
      const double error = ulps_f32(fn(x), exact((double)x));
      if (!(error <= worst)) worst = error, at = x;
    }
  }
  print_message("%s: %.3f ulp at most, at %a\n", name, worst, (double)at);
  assert_true(worst <= 2.0);
}

static void f32_functions_are_within_two_ulp(void **state) {
  (void)state;
  sweep("exp", pare_expf, exp, 104.0f, 1);
  sweep("tanh", pare_tanhf, tanh, 30.0f, 1);
  sweep("sigmoid", pare_sigmoidf, exact_sigmoid, 104.0f, 1);
  sweep("erf", pare_erff, erf, 6.0f, 1);
  sweep("log", pare_logf, log, 3.4e38f, 0);
}

static void f32_functions_take_special_values(void **state) {
  (void)state;
  assert_true(pare_expf(0) == 1 && pare_expf(INFINITY) == INFINITY && pare_expf(-INFINITY) == 0 &&
              isnan(pare_expf(NAN)));
  assert_true(pare_expf(3e38f) == INFINITY && pare_expf(-3e38f) == 0);
  assert_true(pare_logf(1) == 0 && pare_logf(0) == -INFINITY && isnan(pare_logf(-1)) &&
              pare_logf(INFINITY) == INFINITY);
  assert_true(pare_tanhf(INFINITY) == 1 && pare_tanhf(-INFINITY) == -1 && isnan(pare_tanhf(NAN)) &&
              signbit(pare_tanhf(-0.0f)));
  assert_true(pare_sigmoidf(INFINITY) == 1 && pare_sigmoidf(-INFINITY) == 0 && pare_sigmoidf(0) == 0.5f);
  assert_true(isnan(pare_sigmoidf(NAN)) && isnan(pare_erff(NAN)));
  assert_true(pare_erff(INFINITY) == 1 && pare_erff(-INFINITY) == -1 && pare_erff(0) == 0);
}

static void vector_forms_give_the_bytes_of_the_scalar_forms(void **state) {
  (void)state;
  enum { N = 100003 };
  float *x = malloc(N * sizeof(float)), *y = malloc(N * sizeof(float));
  uint32_t seed = 5;
  for (int i = 0; i < N; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = i % 2 ? from_bits(seed) : (float)(int32_t)seed / 2e8f;
    if (isnan(x[i])) x[i] = 1; /* the payload of a NaN is not promised */
  }
  static float (*const scalar[])(float) = {pare_expf, pare_tanhf, pare_sigmoidf};
  static void (*const vector[])(const float *, float *, int64_t) = {pare_expf_n, pare_tanhf_n,
                                                                    pare_sigmoidf_n};
  for (int f = 0; f < 3; f++) {
    memcpy(y, x, N * sizeof(float));
    vector[f](f == 1 ? y : x, y, N);
    for (int i = 0; i < N; i++) {
      const float expected = scalar[f](x[i]);
      assert_memory_equal(&y[i], &expected, sizeof expected);
    }
  }
  free(x), free(y);
}

static void vector_forms_keep_what_is_no_number(void **state) {
  (void)state;
  enum { N = 8192 };
  static void (*const vector[])(const float *, float *, int64_t) = {pare_expf_n, pare_tanhf_n,
                                                                    pare_sigmoidf_n};
  static float x[N], y[N];
  for (uint32_t i = 0; i < N; i++)
    x[i] = from_bits(0x7f800001u + i % 2 * 0x80000000u + i * 1023); /* any payload */
  for (int f = 0; f < 3; f++) {
    vector[f](x, y, N);
    for (int i = 0; i < N; i++) assert_true(isnan(x[i]) && isnan(y[i]));
  }
}

/* Trained weights hang on them: forms in fewer operations have to give what the ones before gave. */
static void f32_functions_keep_their_bytes(void **state) {
  (void)state;
  static float (*const functions[])(float) = {pare_expf, pare_tanhf, pare_sigmoidf};
  static const uint32_t expected[] = {0x6672ea60u, 0xff771981u, 0xb3160b42u};
  for (int f = 0; f < 3; f++) {
    uint32_t hash = 2166136261u; /* FNV-1a by words */
    for (uint32_t bits = 0; bits <= 0x7f800000u; bits += 1511) {
      for (int sign = 0; sign <= 1; sign++) {
        const float y = functions[f](from_bits(bits | (uint32_t)sign << 31));
        uint32_t word;
        memcpy(&word, &y, sizeof word);
        hash = (hash ^ word) * 16777619u;
      }
    }
    assert_int_equal(hash, expected[f]);
  }
}

static void f64_functions_are_within_two_ulp(void **state) {
  (void)state;
  double worst[4] = {0};
  uint64_t seed = 1;
  for (int i = 0; i < 300000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const double u = (double)(seed >> 11) / 9007199254740992.0,
                 v = (double)((seed * 2654435761u) >> 11) / 9007199254740992.0;
    const double x = (u - 0.5) * 1400, large = exp((u - 0.5) * 1300), angle = (u - 0.5) * (i % 2 ? 2e6 : 20);
    const double base = i % 2 ? 0.5 + u : large, exponent = (v - 0.5) * (i % 2 ? 500 : 2);
    const double error[4] = {ulps_f64(pare_exp(x), expl(x)),
                             ulps_f64(pare_log(i % 2 ? 0.5 + u : large), logl(i % 2 ? 0.5 + u : large)),
                             ulps_f64(pare_cos(angle), cosl(angle)),
                             ulps_f64(pare_pow(base, exponent), powl(base, exponent))};
    for (int f = 0; f < 4; f++)
      if (!(error[f] <= worst[f])) worst[f] = error[f];
  }
  print_message("f64 exp %.3f, log %.3f, cos %.3f, pow %.3f ulp at most\n", worst[0], worst[1], worst[2],
                worst[3]);
  for (int f = 0; f < 4; f++) assert_true(worst[f] <= 2.0);
}

static void f64_functions_take_special_values(void **state) {
  (void)state;
  assert_true(pare_exp(0) == 1 && pare_exp(1000) == INFINITY && pare_exp(-1000) == 0);
  assert_true(pare_log(1) == 0 && pare_log(0) == -INFINITY && isnan(pare_log(-1)));
  assert_true(pare_cos(0) == 1 && pare_pow(2, 10) == 1024 && pare_pow(0.5, 3) == 0.125 &&
              pare_pow(7, 0) == 1);
}

/* Over [low, high] and, when that has 0, close to 0 too. */
static void sweep_f64(const char *name, double (*fn)(double), long double (*exact)(long double), double low,
                      double high) {
  double worst = 0, at = 0;
  for (int i = 0; i <= 40000; i++) {
    const double part = (double)i / 40000, x = low + (high - low) * part;
    const double near_zero = x * 1e-9; /* where cancellation would show */
    const double places[2] = {x, low <= 0 ? near_zero : x};
    for (int k = 0; k < 2; k++) {
      const double error = ulps_f64(fn(places[k]), exact((long double)places[k]));
      if (!(error <= worst)) worst = error, at = places[k];
    }
  }
  print_message("%s: %.3f ulp at most, at %a\n", name, worst, at);
  assert_true(worst <= 8.0);
}

static void more_f64_functions_are_within_eight_ulp(void **state) {
  (void)state;
  sweep_f64("sin", pare_sin, sinl, -1e3, 1e3);
  sweep_f64("tan", pare_tan, tanl, -1.5, 1.5);
  sweep_f64("asin", pare_asin, asinl, -1, 1);
  sweep_f64("acos", pare_acos, acosl, -1, 1);
  sweep_f64("atan", pare_atan, atanl, -50, 50);
  sweep_f64("expm1", pare_expm1, expm1l, -3, 3);
  sweep_f64("log1p", pare_log1p, log1pl, -0.9, 9);
  sweep_f64("sinh", pare_sinh, sinhl, -20, 20);
  sweep_f64("cosh", pare_cosh, coshl, -20, 20);
  sweep_f64("tanh", pare_tanh, tanhl, -25, 25);
  sweep_f64("asinh", pare_asinh, asinhl, -50, 50);
  sweep_f64("acosh", pare_acosh, acoshl, 1, 50);
  sweep_f64("atanh", pare_atanh, atanhl, -0.999, 0.999);
  sweep_f64("erf", pare_erf, erfl, -7, 7);
}

static void more_f64_functions_take_special_values(void **state) {
  (void)state;
  assert_true(isnan(pare_asin(1.5)) && isnan(pare_acos(-2)) && isnan(pare_acosh(0.5)) &&
              isnan(pare_atanh(3)));
  assert_true(pare_atanh(1) == INFINITY && pare_log1p(-1) == -INFINITY && isnan(pare_log1p(-2)));
  assert_true(pare_tanh(INFINITY) == 1 && pare_tanh(-INFINITY) == -1 && pare_erf(INFINITY) == 1);
  assert_true(pare_sinh(-INFINITY) == -INFINITY && pare_cosh(-INFINITY) == INFINITY);
  assert_true(pare_sinh(710) < INFINITY && pare_asinh(INFINITY) == INFINITY && pare_expm1(-INFINITY) == -1);
  assert_true(isnan(pare_atan(NAN)) && isnan(pare_sinh(NAN)) && isnan(pare_tanh(NAN)) &&
              isnan(pare_erf(NAN)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(more_f64_functions_are_within_eight_ulp),
      cmocka_unit_test(more_f64_functions_take_special_values),
      cmocka_unit_test(f32_functions_are_within_two_ulp),
      cmocka_unit_test(f32_functions_take_special_values),
      cmocka_unit_test(vector_forms_give_the_bytes_of_the_scalar_forms),
      cmocka_unit_test(vector_forms_keep_what_is_no_number),
      cmocka_unit_test(f32_functions_keep_their_bytes),
      cmocka_unit_test(f64_functions_are_within_two_ulp),
      cmocka_unit_test(f64_functions_take_special_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
