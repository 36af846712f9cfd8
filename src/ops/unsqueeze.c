/* Unsqueeze: axes of length 1 put in at the places that `axes` names in the output (ONNX Unsqueeze, opset
 * 13). */
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  int64_t axes[PARE_MAX_RANK];
  size_t n = 0;
  PARE_TRY(pare_op_const_ints(call, 1, axes, PARE_MAX_RANK, &n));
  pare_shape out = {.rank = in->rank + (int)n};
  if (out.rank > PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "an output of rank %d, at most %d", out.rank,
                     PARE_MAX_RANK);
  uint32_t mask;
  int n_axes;
  PARE_TRY(pare_op_axes(call, 1, out.rank, &mask, &n_axes));
  for (int i = 0, k = 0; i < out.rank; i++) out.dims[i] = mask & 1u << i ? 1 : in->dims[k++];
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int rank = call->out[0]->shape.rank;
  const uint32_t mask = pare_op_axes_mask(call, 1, rank);
  for (int i = 0, k = 0; i < rank; i++)
    if (!(mask & 1u << i)) PARE_TRY(pare_couple_axes(coupler, 0, k++, PARE_OUT(0), i));
  return PARE_OK;
}

const pare_op pare_op_unsqueeze = {
    .name = "Unsqueeze",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = pare_op_run_same_bytes,
    .backward = pare_op_backward_same_bytes,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
    .same_bytes = true,
};
