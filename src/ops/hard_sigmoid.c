/* HardSigmoid: y = max(0, min(1, alpha x + beta)) (ONNX HardSigmoid, opset 6). */
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  const float alpha = pare_node_float(call->node, "alpha", 0.2f);
  const float beta = pare_node_float(call->node, "beta", 0.5f);
  PARE_IVDEP for (int64_t i = 0; i < n; i++) {
    const float line = alpha * x[i] + beta;
    const float above = line < 0.0f ? 0.0f : line;
    y[i] = above > 1.0f ? 1.0f : above;
  }
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)x;
  const float alpha = pare_node_float(call->node, "alpha", 0.2f);
  for (int64_t i = 0; i < n; i++) dx[i] += y[i] > 0.0f && y[i] < 1.0f ? alpha * g[i] : 0.0f;
}

static double wide(const double *p, double x) {
  const double line = p[0] * x + p[1];
  return line < 0.0 ? 0.0 : line > 1.0 ? 1.0 : line;
}

static const pare_unary family = {
    .attrs = {{"alpha", 0.2f}, {"beta", 0.5f}}, .f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_hard_sigmoid = {
    PARE_UNARY_FACTS("HardSigmoid", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
