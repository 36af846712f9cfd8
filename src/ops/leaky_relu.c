/* LeakyRelu: y = x for x >= 0, alpha x below (ONNX LeakyRelu, opset 16). */
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  const float alpha = pare_node_float(call->node, "alpha", 0.01f);
  PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? alpha * x[i] : x[i];
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)y;
  const float alpha = pare_node_float(call->node, "alpha", 0.01f);
  for (int64_t i = 0; i < n; i++) dx[i] += x[i] < 0 ? alpha * g[i] : g[i];
}

static double wide(const double *p, double x) {
  return x < 0 ? p[0] * x : x;
}

static const pare_unary family = {
    .attrs = {{"alpha", 0.01f}}, .f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_leaky_relu = {
    PARE_UNARY_FACTS("LeakyRelu", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
