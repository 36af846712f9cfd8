/* ScatterElements: data, with data[indices[i,j,k], j, k] set to updates[i,j,k] (axis 0, and so on) or combined
 * with it, in the order of the indices (ONNX ScatterElements, opset 18). */
#include "ops/indices.h"

static pare_status infer(pare_call *call) {
  pare_scatter how;
  PARE_TRY(pare_indices_infer_axis(call));
  PARE_TRY(pare_op_need(call, 2));
  PARE_TRY(pare_scatter_read(call, &how));
  if (call->in[2]->dtype != call->in[0]->dtype || !pare_shape_equal(&call->in[2]->shape, &call->in[1]->shape))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the updates do not fit the data in type or the indices");
  return pare_op_set_out(call, 0, call->in[0]->dtype, &call->in[0]->shape);
}

static pare_status run(pare_call *call) {
  pare_scatter how;
  pare_indices_walk walk;
  PARE_TRY(pare_scatter_read(call, &how));
  pare_indices_start(&walk, call);
  PARE_TRY(pare_indices_check(call, call->in[1], walk.length));
  PARE_TRY(pare_op_run_same_bytes(call));
  while (pare_indices_next(&walk)) pare_scatter_put(how, call->out[0], walk.at, call->in[2], walk.i, 1);
  return PARE_OK;
}

const pare_op pare_op_scatter_elements = {
    .name = "ScatterElements",
    .domain = "",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "which element a place keeps depends on the indices and the reduction",
    .quant = PARE_QUANT_NONE,
};
