/* Sum and Mean of any number of inputs, with numpy broadcasting (ONNX Sum, Mean, opset 13): from the left, then divided. */
#include "ops/elementwise.h"

PARE_BINARY_F32(add_f32, x1 + x2)
PARE_F64(add_f64, x1 + x2)
static const pare_binary family = {.f32 = add_f32, .f64 = add_f64};

static pare_status run_mean(pare_call *call) {
  PARE_TRY(pare_binary_run(call));
  pare_tensor *out = call->out[0];
  const int64_t count = pare_tensor_count(out);
  for (int64_t i = 0; i < count; i++) pare_tensor_set_f64(out, i, pare_tensor_get_f64(out, i) / call->n_in);
  return PARE_OK;
}

static pare_status backward_sum(pare_grad_call *grad) {
  return pare_sum_backward(grad, 1.0f);
}
static pare_status backward_mean(pare_grad_call *grad) {
  return pare_sum_backward(grad, 1.0f / (float)grad->call->n_in);
}

#define OVER_INPUTS(variable, onnx_name, run_, backward_)                                                    \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = 1,                                                                                           \
      .max_in = -1,                                                                                          \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = pare_binary_infer,                                                                            \
      .run = (run_),                                                                                         \
      .backward = (backward_),                                                                               \
      .couple = pare_couple_broadcast,                                                                       \
      .quant = PARE_QUANT_NONE,                                                                              \
      .layout = PARE_LAYOUT_ANY,                                                                             \
      .family = &family,                                                                                     \
  };
OVER_INPUTS(sum, "Sum", pare_binary_run, backward_sum)
OVER_INPUTS(mean, "Mean", run_mean, backward_mean)
