/* Sub: y = a - b with numpy broadcasting (ONNX Sub, opset 14). Integers wrap. */
#include "ops/elementwise.h"

PARE_ARITHMETIC(sub, -)
PARE_BINARY_GRAD(gradient, gi, -gi)

static pare_status backward(pare_grad_call *grad) {
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_sub = {
    PARE_BINARY_FACTS("Sub", sub),
    .backward = backward,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
