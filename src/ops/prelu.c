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
PARE_BINARY_GRAD(gradient, x1 < 0 ? gi * x2 : gi, x1 < 0 ? gi * x1 : 0.0f)

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_binary_infer(call));
  if (pare_shape_equal(&call->out[0]->shape, &call->in[0]->shape)) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "the slope does not broadcast to the input's shape");
}

static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
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
