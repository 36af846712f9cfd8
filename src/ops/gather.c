/* Gather: out[..., i, ...] = data[..., indices[i], ...] along one axis; negative indices count from the
 * end (ONNX Gather, opset 13). Gradients are added in the order of the indices. */
#include "ops/indices.h"

typedef struct extent {
  int axis;
  int64_t outer, n, inner, n_indices; /* data is [outer, n, inner] */
} extent;

static extent extent_of(const pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), in->rank);
  return (extent){axis, pare_shape_count_range(in, 0, axis), in->dims[axis],
                  pare_shape_count_range(in, axis + 1, in->rank), pare_tensor_count(call->in[1])};
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_indices_need(call, 1));
  const pare_shape *in = &call->in[0]->shape, *indices = &call->in[1]->shape;
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), in->rank, &axis));
  pare_shape out = {.rank = in->rank + indices->rank - 1};
  if (out.rank > PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "an output of rank %d, at most %d", out.rank,
                     PARE_MAX_RANK);
  int k = 0;
  for (int i = 0; i < axis; i++) out.dims[k++] = in->dims[i];
  for (int i = 0; i < indices->rank; i++) out.dims[k++] = indices->dims[i];
  for (int i = axis + 1; i < in->rank; i++) out.dims[k++] = in->dims[i];
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status run(pare_call *call) {
  const extent e = extent_of(call);
  PARE_TRY(pare_indices_check(call, call->in[1], e.n));
  const size_t piece = (size_t)e.inner * pare_dtype_size(call->in[0]->dtype);
  uint8_t *out = pare_u8(call->out[0]);
  const uint8_t *in = pare_u8(call->in[0]);
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t i = 0; i < e.n_indices; i++)
      pare_op_copy(out + (size_t)(o * e.n_indices + i) * piece,
                   in + (size_t)(o * e.n + pare_index_at(call->in[1], i, e.n)) * piece, piece);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const extent e = extent_of(grad->call);
  const float *g = pare_f32(grad->d_out[0]);
  float *d = pare_f32(grad->d_in[0]);
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t i = 0; i < e.n_indices; i++)
      pare_op_add_f32(d + (o * e.n + pare_index_at(grad->call->in[1], i, e.n)) * e.inner,
                      g + (o * e.n_indices + i) * e.inner, e.inner);
  return PARE_OK;
}

/* The gathered axis stays; the others go with theirs in the output. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const extent e = extent_of(call);
  const int shift = call->in[1]->shape.rank - 1;
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++) {
    if (axis == e.axis) continue;
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis < e.axis ? axis : axis + shift));
  }
  return PARE_OK;
}

const pare_op pare_op_gather = {
    .name = "Gather",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
