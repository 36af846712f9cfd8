/* GatherND: indices [..., k] name places in the first k axes of data (behind `batch_dims` axes that go
 * together); what lies there is copied (ONNX GatherND, opset 13). */
#include "ops/indices.h"

typedef struct extent {
  int n_batch_axes, k;
  int64_t batch, tuples, places, piece; /* tuples and places of one batch; elements behind a place */
} extent;

static extent extent_of(const pare_call *call) {
  const pare_shape *data = &call->in[0]->shape, *indices = &call->in[1]->shape;
  const int b = (int)pare_node_int(call->node, "batch_dims", 0), k = (int)indices->dims[indices->rank - 1];
  return (extent){b,
                  k,
                  pare_shape_count_range(data, 0, b),
                  pare_shape_count_range(indices, b, indices->rank - 1),
                  pare_shape_count_range(data, b, b + k),
                  pare_shape_count_range(data, b + k, data->rank)};
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_indices_need(call, 1));
  PARE_TRY(pare_op_attr_type(call, "batch_dims", PARE_ATTR_INT));
  const pare_shape *data = &call->in[0]->shape, *indices = &call->in[1]->shape;
  const int64_t b = pare_node_int(call->node, "batch_dims", 0);
  if (data->rank < 1 || indices->rank < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "an input of rank 0");
  const int64_t k = indices->dims[indices->rank - 1];
  if (b < 0 || b >= indices->rank || b >= data->rank || k < 1 || k > data->rank - b)
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "batch_dims %lld and tuples of %lld do not fit data of rank %d and indices of rank %d",
                     (long long)b, (long long)k, data->rank, indices->rank);
  for (int i = 0; i < b; i++)
    if (data->dims[i] != indices->dims[i])
      return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d of data and indices differ", i);
  pare_shape out = {.rank = indices->rank - 1 + data->rank - (int)(b + k)};
  if (out.rank > PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "an output of rank %d, at most %d", out.rank,
                     PARE_MAX_RANK);
  int n = 0;
  for (int i = 0; i < indices->rank - 1; i++) out.dims[n++] = indices->dims[i];
  for (int i = (int)(b + k); i < data->rank; i++) out.dims[n++] = data->dims[i];
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status run(pare_call *call) {
  const extent e = extent_of(call);
  for (int64_t b = 0; b < e.batch; b++)
    for (int64_t i = b * e.tuples; i < (b + 1) * e.tuples; i++) {
      int64_t at = 0;
      PARE_TRY(pare_indices_tuple(call, call->in[1], i, e.k, &call->in[0]->shape, e.n_batch_axes, &at));
      pare_scatter_put(PARE_SCATTER_NONE, call->out[0], i * e.piece, call->in[0],
                       (b * e.places + at) * e.piece, e.piece);
    }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const pare_call *call = grad->call;
  const extent e = extent_of(call);
  for (int64_t b = 0; b < e.batch; b++)
    for (int64_t i = b * e.tuples; i < (b + 1) * e.tuples; i++) {
      int64_t at = 0;
      PARE_TRY(pare_indices_tuple(call, call->in[1], i, e.k, &call->in[0]->shape, e.n_batch_axes, &at));
      pare_op_add_f32(pare_f32(grad->d_in[0]) + (b * e.places + at) * e.piece,
                      pare_f32(grad->d_out[0]) + i * e.piece, e.piece);
    }
  return PARE_OK;
}

const pare_op pare_op_gather_nd = {
    .name = "GatherND",
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
