/* ReduceSum: the sum over the named axes (ONNX ReduceSum, opset 13). */
#include "ops/reduce.h"

static pare_status run(pare_call *call) {
  pare_reduce_sum(call);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  return pare_reduce_backward(grad, 1.0f);
}

const pare_op pare_op_reduce_sum = {
    .name = "ReduceSum",
    .domain = "",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_reduce_infer,
    .run = run,
    .backward = backward,
    .couple = pare_reduce_couple,
    .quant = PARE_QUANT_NONE,
};
