/* Exp: y = exp(x) (ONNX Exp, opset 13). */
#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  pare_expf_n(x, y, n);
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)x;
  for (int64_t i = 0; i < n; i++) dx[i] += g[i] * y[i];
}

static double wide(const double *p, double x) {
  (void)p;
  return pare_exp(x);
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_exp = {
    PARE_UNARY_FACTS("Exp", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
