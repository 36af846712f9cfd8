/* Mul: y = a * b with numpy broadcasting (ONNX Mul, opset 14). Integers wrap. */
#include "ops/elementwise.h"

PARE_ARITHMETIC(*)
PARE_BINARY_GRAD(gradient, gi *x2, gi *x1)

static pare_status infer(pare_call *call) {
  return pare_binary_infer(call, kernels, PARE_COUNT(kernels));
}
static pare_status run(pare_call *call) {
  return pare_binary_run(call, kernels, PARE_COUNT(kernels));
}
static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_mul = {
    .name = "Mul",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_VALUES,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
