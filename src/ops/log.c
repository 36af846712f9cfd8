/* Log: y = ln(x) (ONNX Log, opset 13). */
#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  for (int64_t i = 0; i < n; i++) y[i] = pare_logf(x[i]);
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)y;
  for (int64_t i = 0; i < n; i++) dx[i] += g[i] / x[i];
}

static double wide(const double *p, double x) {
  (void)p;
  return pare_log(x);
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_log = {
    PARE_UNARY_FACTS("Log", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
