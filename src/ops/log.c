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

static pare_status run(pare_call *call) {
  return pare_unary_run(call, forward);
}
static pare_status backward(pare_grad_call *grad) {
  return pare_unary_backward(grad, gradient);
}

const pare_op pare_op_log = {
    .name = "Log",
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
