/* Flatten: [d0, ..., dn] to [d0 * ... * d(axis-1), d(axis) * ... * dn] (ONNX Flatten, opset 13). The bytes
 * do not change. */
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  const int64_t given = pare_node_int(call->node, "axis", 1);
  if (given < -in->rank || given > in->rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %lld is outside a tensor of rank %d", (long long)given,
                     in->rank);
  const int axis = pare_op_axis_of(given, in->rank);
  const pare_shape out =
      PARE_SHAPE(pare_shape_count_range(in, 0, axis), pare_shape_count_range(in, axis, in->rank));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

/* Channel c of [N,C,...] becomes columns c * inner ... (c + 1) * inner - 1. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *in = &call->in[0]->shape;
  if (in->rank < 2 || pare_op_axis_of(pare_node_int(call->node, "axis", 1), in->rank) != 1) return PARE_OK;
  const int64_t inner = pare_shape_count_range(in, 2, in->rank);
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  for (int64_t c = 0; c < in->dims[1]; c++)
    for (int64_t k = 0; k < inner; k++)
      PARE_TRY(pare_couple(coupler, 0, 1, c, PARE_OUT(0), 1, c * inner + k));
  return PARE_OK;
}

const pare_op pare_op_flatten = {
    .name = "Flatten",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = pare_op_run_same_bytes,
    .backward = pare_op_backward_same_bytes,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
    .same_bytes = true,
};
