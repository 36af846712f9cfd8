/* Div: y = a / b with numpy broadcasting (ONNX Div, opset 14). Integers truncate toward zero; x / 0 is 0
 * there, and the smallest number by -1 wraps, so that a hostile model cannot trap. */
#include "ops/elementwise.h"

PARE_BINARY_F32(f32, x1 / x2)
PARE_F64(f64, x1 / x2)
PARE_S64(s64, x2 == 0 ? 0 : x2 == -1 ? (int64_t)(0 - (uint64_t)x1) : x1 / x2)
PARE_U64(u64, x2 == 0 ? 0 : x1 / x2)
static const pare_binary divide = {.f32 = f32, .f64 = f64, .s64 = s64, .u64 = u64};
PARE_BINARY_GRAD(gradient, gi / x2, -gi *x1 / (x2 * x2))

static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_div = {
    PARE_BINARY_FACTS("Div", divide),
    .backward = backward,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
