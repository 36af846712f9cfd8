/* Squeeze: the named axes, of length 1, taken out; without `axes` every axis of length 1 (ONNX Squeeze,
 * opset 13). */
#include "ops/op_util.h"

static uint32_t axes_of(const pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  if (pare_call_has(call, 1)) return pare_op_axes_mask(call, 1, in->rank);
  uint32_t mask = 0;
  for (int i = 0; i < in->rank; i++)
    if (in->dims[i] == 1) mask |= 1u << i;
  return mask;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  uint32_t mask;
  int n;
  PARE_TRY(pare_op_axes(call, 1, in->rank, &mask, &n));
  mask = axes_of(call);
  pare_shape out = {.rank = 0};
  for (int i = 0; i < in->rank; i++) {
    if (!(mask & 1u << i))
      out.dims[out.rank++] = in->dims[i];
    else if (in->dims[i] != 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d has length %lld, not 1", i,
                       (long long)in->dims[i]);
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const uint32_t mask = axes_of(call);
  for (int i = 0, k = 0; i < call->in[0]->shape.rank; i++)
    if (!(mask & 1u << i)) PARE_TRY(pare_couple_axes(coupler, 0, i, PARE_OUT(0), k++));
  return PARE_OK;
}

const pare_op pare_op_squeeze = {
    .name = "Squeeze",
    .domain = "",
    .min_in = 1,
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
