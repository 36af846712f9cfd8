/* Div: y = a / b with numpy broadcasting (ONNX Div, opset 14). Integers truncate toward zero; x / 0 is 0
 * there, and the smallest number by -1 wraps, so that a hostile model cannot trap. */
#include "ops/elementwise.h"

#define DIVIDE_SIGNED(type) (x2 == 0 ? (type)0 : x2 == -1 ? (type)(0 - (uint64_t)x1) : (type)(x1 / x2))

PARE_BINARY_F32(f32, x1 / x2)
PARE_BINARY_ANY(f64, double, double, x1 / x2)
PARE_BINARY_ANY(s64, int64_t, int64_t, DIVIDE_SIGNED(int64_t))
PARE_BINARY_ANY(s32, int32_t, int32_t, DIVIDE_SIGNED(int32_t))
PARE_BINARY_ANY(u8, uint8_t, uint8_t, x2 == 0 ? 0 : x1 / x2)
PARE_BINARY_ANY(s8, int8_t, int8_t, DIVIDE_SIGNED(int8_t))
static const pare_binary_kernel kernels[] = {
    {PARE_F32, PARE_F32, f32}, {PARE_F64, PARE_F64, f64}, {PARE_S64, PARE_S64, s64},
    {PARE_S32, PARE_S32, s32}, {PARE_U8, PARE_U8, u8},    {PARE_S8, PARE_S8, s8},
};
PARE_BINARY_GRAD(gradient, gi / x2, -gi *x1 / (x2 * x2))

static pare_status infer(pare_call *call) {
  return pare_binary_infer(call, kernels, PARE_COUNT(kernels));
}
static pare_status run(pare_call *call) {
  return pare_binary_run(call, kernels, PARE_COUNT(kernels));
}
static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_div = {
    .name = "Div",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
