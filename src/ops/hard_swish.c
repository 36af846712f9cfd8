/* HardSwish: y = x max(0, min(1, x / 6 + 1/2)) (ONNX HardSwish, opset 14); Howard et al. 2019, "Searching
 * for MobileNetV3". */
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) {
    const float line = x[i] * (1.0f / 6.0f) + 0.5f;
    const float above = line < 0.0f ? 0.0f : line;
    y[i] = x[i] * (above > 1.0f ? 1.0f : above);
  }
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)y;
  for (int64_t i = 0; i < n; i++) {
    const float slope = x[i] <= -3.0f ? 0.0f : x[i] >= 3.0f ? 1.0f : x[i] * (1.0f / 3.0f) + 0.5f;
    dx[i] += slope * g[i];
  }
}

static double wide(const double *p, double x) {
  (void)p;
  const double line = x / 6.0 + 0.5;
  return x * (line < 0.0 ? 0.0 : line > 1.0 ? 1.0 : line);
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_hard_swish = {
    PARE_UNARY_FACTS("HardSwish", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
