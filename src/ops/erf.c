/* Erf: y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x (ONNX Erf, opset 13). Exporters build Gelu
 * from it. */
#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  for (int64_t i = 0; i < n; i++) y[i] = pare_erff(x[i]);
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)y;
  for (int64_t i = 0; i < n; i++) dx[i] += g[i] * 1.12837917f * pare_expf(-x[i] * x[i]); /* 2 / sqrt(pi) */
}

static double wide(const double *p, double x) {
  (void)p;
  return pare_erf(x);
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_erf = {
    PARE_UNARY_FACTS("Erf", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
