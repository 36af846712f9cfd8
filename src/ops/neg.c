/* Neg: y = -x (ONNX Neg, opset 13); integers wrap. */
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = -x[i];
}
static double wide(const double *p, double x) {
  (void)p;
  return -x;
}
static int64_t whole(const double *p, int64_t x) {
  (void)p;
  return (int64_t)(0 - (uint64_t)x);
}
static double slope(const double *p, double x, double y) {
  (void)p, (void)x, (void)y;
  return -1.0;
}

static const pare_unary negative = {
    .f32 = forward, .f64 = wide, .s64 = whole, .slope = slope, .no_unsigned = true};

const pare_op pare_op_neg = {
    PARE_UNARY_FACTS("Neg", "", negative),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
