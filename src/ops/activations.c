/* Activations that are a formula of one number, one line each: value and slope in f64, rounded once. Sources: Elu, Clevert et al.
 * 2015; Celu, Barron 2017; Selu, Klambauer et al. 2017; Mish, Misra 2019; the formulas are ONNX's (opsets 6 to 18). At a kink the
 * slope is PyTorch's. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

#define ATTRS(...)                                                                                           \
  { __VA_ARGS__ }
/* `value` is in x, `slope` in x and y, both in the attributes p[0], p[1]. */
#define ACTIVATION(variable, onnx_name, attrs_, value, slope_)                                               \
  static double variable##_value(const double *p, double x) {                                                \
    (void)p;                                                                                                 \
    return (value);                                                                                          \
  }                                                                                                          \
  static double variable##_slope(const double *p, double x, double y) {                                      \
    (void)p, (void)x, (void)y;                                                                               \
    return (slope_);                                                                                         \
  }                                                                                                          \
  static const pare_unary variable##_family = {                                                              \
      .attrs = attrs_, .f64 = variable##_value, .slope = variable##_slope};                                  \
  const pare_op pare_op_##variable = {                                                                       \
      PARE_UNARY_FACTS(onnx_name, "", variable##_family),                                                    \
      .backward = pare_unary_backward,                                                                       \
      .quant = PARE_QUANT_NONE,                                                                              \
  };

static double softplus(double x) {
  return (x > 0 ? x : 0) + pare_log1p(pare_exp(-fabs(x)));
}
static double sigmoid(double x) {
  return 1.0 / (1.0 + pare_exp(-x));
}
static double mish_slope_at(double x) {
  const double t = pare_tanh(softplus(x));
  return t + x * (1.0 - t * t) * sigmoid(x);
}

ACTIVATION(celu, "Celu", ATTRS({"alpha", 1.0f}), x > 0 ? x : p[0] * pare_expm1(x / p[0]),
           x > 0 ? 1.0 : pare_exp(x / p[0]))
ACTIVATION(elu, "Elu", ATTRS({"alpha", 1.0f}), x > 0 ? x : p[0] * pare_expm1(x), x > 0 ? 1.0 : y + p[0])
ACTIVATION(mish, "Mish", ATTRS({NULL, 0}), x *pare_tanh(softplus(x)), mish_slope_at(x))
ACTIVATION(selu, "Selu", ATTRS({"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f}),
           x > 0 ? p[1] * x : p[1] * p[0] * pare_expm1(x), x > 0 ? p[1] : y + p[1] * p[0])
ACTIVATION(shrink, "Shrink", ATTRS({"bias", 0.0f}, {"lambd", 0.5f}),
           x<-p[1] ? x + p[0] : x> p[1] ? x - p[0] : 0.0, x<-p[1] || x> p[1] ? 1.0 : 0.0)
ACTIVATION(softplus, "Softplus", ATTRS({NULL, 0}), softplus(x), sigmoid(x))
ACTIVATION(softsign, "Softsign", ATTRS({NULL, 0}), x / (1.0 + fabs(x)),
           1.0 / ((1.0 + fabs(x)) * (1.0 + fabs(x))))
ACTIVATION(thresholded_relu, "ThresholdedRelu", ATTRS({"alpha", 1.0f}), x > p[0] ? x : 0.0,
           x > p[0] ? 1.0 : 0.0)
