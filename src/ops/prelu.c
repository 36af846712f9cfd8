/* PRelu: y = x for x >= 0, slope x below; the slope broadcasts to x (ONNX PRelu, opset 16; He et al. 2015). */
#include "ops/elementwise.h"

PARE_BINARY_F32(f32, x1 < 0 ? x1 * x2 : x1)
PARE_F64(f64, x1 < 0 ? x1 * x2 : x1)
PARE_S64(s64, x1 < 0 ? (int64_t)((uint64_t)x1 * (uint64_t)x2) : x1)
static int64_t u64(int64_t x1, int64_t x2) {
  (void)x2; /* nothing unsigned is below 0 */
  return x1;
}
static const pare_binary family = {.f32 = f32, .f64 = f64, .s64 = s64, .u64 = u64};
static pare_status infer(pare_call *call) {
  PARE_TRY(pare_binary_infer(call));
  if (pare_shape_equal(&call->out[0]->shape, &call->in[0]->shape)) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "the slope does not broadcast to the input's shape");
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (grad->d_out[0] == NULL) return PARE_OK;
  const pare_shape *const shapes[] = {&call->out[0]->shape, &call->in[1]->shape};
  pare_loop loop;
  pare_loop_broadcast(&loop, shapes[0], shapes, 2);
  const int64_t n = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = loop.at[0] + i, k = loop.at[1] + i * step;
      const float x = pare_f32(call->in[0])[at], g = pare_f32(grad->d_out[0])[at];
      if (pare_grad_wants(grad, 0)) pare_f32(grad->d_in[0])[at] += x < 0 ? g * pare_f32(call->in[1])[k] : g;
      if (pare_grad_wants(grad, 1)) pare_f32(grad->d_in[1])[k] += x < 0 ? g * x : 0.0f;
    }
  return PARE_OK;
}

const pare_op pare_op_prelu = {
    .name = "PRelu",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = pare_binary_run,
    .backward = backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
    .in_place = true,
    .family = &family,
};
