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

static pare_status run(pare_call *call) {
  return pare_unary_run(call, forward);
}
static pare_status backward(pare_grad_call *grad) {
  return pare_unary_backward(grad, gradient);
}

const pare_op pare_op_leaky_relu = {
    .name = "LeakyRelu",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_unary_infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
