/* GatherElements: out[i,j,k] = data[indices[i,j,k], j, k] for axis 0, and so on (ONNX GatherElements, opset
 * 13). */
#include "ops/indices.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_indices_infer_axis(call));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &call->in[1]->shape);
}

static pare_status run(pare_call *call) {
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  const uint8_t *from = pare_u8(call->in[0]);
  uint8_t *to = pare_u8(call->out[0]);
  pare_indices_walk walk;
  pare_indices_start(&walk, call);
  PARE_TRY(pare_indices_check(call, call->in[1], walk.length));
  for (; pare_indices_next(&walk); to += size) memcpy(to, from + (size_t)walk.at * size, size);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_indices_walk walk;
  pare_indices_start(&walk, grad->call);
  while (pare_indices_next(&walk)) pare_f32(grad->d_in[0])[walk.at] += pare_f32(grad->d_out[0])[walk.i];
  return PARE_OK;
}

const pare_op pare_op_gather_elements = {
    .name = "GatherElements",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .quant = PARE_QUANT_SAME,
};
