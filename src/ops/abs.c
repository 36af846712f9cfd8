/* Abs: y = |x| (ONNX Abs, opset 13). Its gradient at 0 is 0. The smallest integer has no positive twin: it stays as it is. */
#include <math.h>

#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = fabsf(x[i]);
}
static double wide(const double *p, double x) {
  (void)p;
  return fabs(x);
}
static int64_t whole(const double *p, int64_t x) {
  (void)p;
  return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}
static double slope(const double *p, double x, double y) {
  (void)p, (void)y;
  return (x > 0.0) - (x < 0.0);
}

static const pare_unary absolute = {.f32 = forward, .f64 = wide, .s64 = whole, .slope = slope};

const pare_op pare_op_abs = {
    PARE_UNARY_FACTS("Abs", "", absolute),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
