/* Elementary functions of one number, one line each: value and slope in f64, rounded once (ONNX, opsets 13 and 18). */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

/* `value` is in x, `slope` in x and y. */
#define FUNCTION(variable, onnx_name, value, slope_)                                                         \
  static double variable##_value(const double *p, double x) {                                                \
    (void)p;                                                                                                 \
    return (value);                                                                                          \
  }                                                                                                          \
  static double variable##_slope(const double *p, double x, double y) {                                      \
    (void)p, (void)x, (void)y;                                                                               \
    return (slope_);                                                                                         \
  }                                                                                                          \
  static const pare_unary variable##_family = {.f64 = variable##_value, .slope = variable##_slope};          \
  const pare_op pare_op_##variable = {                                                                       \
      PARE_UNARY_FACTS(onnx_name, "", variable##_family),                                                    \
      .backward = pare_unary_backward,                                                                       \
      .quant = PARE_QUANT_NONE,                                                                              \
  };

FUNCTION(acos, "Acos", pare_acos(x), -1.0 / sqrt(1.0 - x * x))
FUNCTION(acosh, "Acosh", pare_acosh(x), 1.0 / sqrt(x * x - 1.0))
FUNCTION(asin, "Asin", pare_asin(x), 1.0 / sqrt(1.0 - x * x))
FUNCTION(asinh, "Asinh", pare_asinh(x), 1.0 / sqrt(x * x + 1.0))
FUNCTION(atan, "Atan", pare_atan(x), 1.0 / (1.0 + x * x))
FUNCTION(atanh, "Atanh", pare_atanh(x), 1.0 / (1.0 - x * x))
FUNCTION(cos, "Cos", pare_cos(x), -pare_sin(x))
FUNCTION(cosh, "Cosh", pare_cosh(x), pare_sinh(x))
FUNCTION(reciprocal, "Reciprocal", 1.0 / x, -y *y)
FUNCTION(sin, "Sin", pare_sin(x), pare_cos(x))
FUNCTION(sinh, "Sinh", pare_sinh(x), pare_cosh(x))
FUNCTION(tan, "Tan", pare_tan(x), 1.0 + y * y)
