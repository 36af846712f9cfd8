/* Add: y = a + b with numpy broadcasting (ONNX Add, opset 14). Integers wrap. */
#include "ops/elementwise.h"

PARE_ARITHMETIC(add, +)
PARE_BINARY_GRAD(gradient, gi, gi)

static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_add = {
    PARE_BINARY_FACTS("Add", add),
    .backward = backward,
    .quant = PARE_QUANT_VALUES,
    .in_place = true,
};
