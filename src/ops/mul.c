/* Mul: y = a * b with numpy broadcasting (ONNX Mul, opset 14). Integers wrap. */
#include "ops/elementwise.h"

PARE_ARITHMETIC(mul, *)
PARE_BINARY_GRAD(gradient, gi *x2, gi *x1)

static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_mul = {
    PARE_BINARY_FACTS("Mul", mul),
    .backward = backward,
    .quant = PARE_QUANT_VALUES,
    .in_place = true,
};
