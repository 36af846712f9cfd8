/* Sqrt: y = sqrt(x) (ONNX Sqrt, opset 13). */
#include "ops/elementwise.h"
#include <math.h>

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = sqrtf(x[i]);
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)x;
  for (int64_t i = 0; i < n; i++) dx[i] += g[i] / (2.0f * y[i]);
}

static double wide(const double *p, double x) {
  (void)p;
  return sqrt(x);
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_sqrt = {
    PARE_UNARY_FACTS("Sqrt", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
