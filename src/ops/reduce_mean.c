/* ReduceMean: the mean over the named axes (ONNX ReduceMean, opset 18). */
#include "ops/reduce.h"

static pare_status run(pare_call *call) {
  pare_reduce_sum(call);
  const float n = (float)pare_reduce_n(call);
  const int64_t n_out = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n_out; i++) pare_f32(call->out[0])[i] /= n;
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  return pare_reduce_backward(grad, (float)pare_reduce_n(grad->call));
}

const pare_op pare_op_reduce_mean = {
    .name = "ReduceMean",
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
