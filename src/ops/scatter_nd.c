/* ScatterND: data, with what lies at the places that indices [..., k] name set to the updates or combined with
 * them, in order (ONNX ScatterND, opset 18). */
#include "ops/indices.h"

static pare_status infer(pare_call *call) {
  pare_scatter how;
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_indices_need(call, 1));
  PARE_TRY(pare_op_need(call, 2));
  PARE_TRY(pare_scatter_read(call, &how));
  const pare_shape *data = &call->in[0]->shape, *indices = &call->in[1]->shape,
                   *updates = &call->in[2]->shape;
  if (data->rank < 1 || indices->rank < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "an input of rank 0");
  const int64_t k = indices->dims[indices->rank - 1];
  bool fits = k >= 0 && k <= data->rank && call->in[2]->dtype == call->in[0]->dtype &&
              updates->rank == indices->rank - 1 + data->rank - (int)k;
  for (int i = 0; i < updates->rank && fits; i++)
    fits = updates->dims[i] ==
           (i < indices->rank - 1 ? indices->dims[i] : data->dims[i - (indices->rank - 1) + (int)k]);
  if (!fits) return pare_fail(call->ctx, PARE_BAD_MODEL, "data, indices and updates do not fit together");
  return pare_op_set_out(call, 0, call->in[0]->dtype, data);
}

static pare_status run(pare_call *call) {
  const pare_shape *data = &call->in[0]->shape, *indices = &call->in[1]->shape;
  const int k = (int)indices->dims[indices->rank - 1];
  const int64_t tuples = pare_shape_count_range(indices, 0, indices->rank - 1),
                piece = pare_shape_count_range(data, k, data->rank);
  pare_scatter how;
  PARE_TRY(pare_scatter_read(call, &how));
  PARE_TRY(pare_op_run_same_bytes(call));
  for (int64_t i = 0; i < tuples; i++) {
    int64_t at = 0;
    PARE_TRY(pare_indices_tuple(call, call->in[1], i, k, data, 0, &at));
    pare_scatter_put(how, call->out[0], at * piece, call->in[2], i * piece, piece);
  }
  return PARE_OK;
}

const pare_op pare_op_scatter_nd = {
    .name = "ScatterND",
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
