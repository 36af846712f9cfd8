/* OneHot: a new axis of length `depth` that holds values[1] where the index points and values[0] elsewhere; an index counts from the
 * end when negative, and points nowhere outside [-depth, depth) (ONNX OneHot, opset 11). */
#include "ops/wide.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  PARE_TRY(pare_wide_need_number(call, 1));
  PARE_TRY(pare_op_need(call, 2));
  PARE_TRY(pare_op_need_data(call, 1));
  if (pare_tensor_count(call->in[1]) != 1 || pare_tensor_count(call->in[2]) != 2)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "depth must be one number and values two");
  const int64_t depth = pare_tensor_get_s64(call->in[1], 0);
  if (depth < 0) return pare_fail(call->ctx, PARE_BAD_MODEL, "depth is %lld", (long long)depth);
  pare_shape out = call->in[0]->shape;
  if (out.rank == PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "indices of rank %d", out.rank);
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), out.rank + 1, &axis));
  for (int i = out.rank; i > axis; i--) out.dims[i] = out.dims[i - 1];
  out.dims[axis] = depth;
  out.rank++;
  return pare_op_set_out(call, 0, call->in[2]->dtype, &out);
}

static pare_status run(pare_call *call) {
  const pare_shape *out = &call->out[0]->shape;
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", -1), out->rank);
  const int64_t outer = pare_shape_count_range(out, 0, axis), depth = out->dims[axis],
                inner = pare_shape_count_range(out, axis + 1, out->rank);
  const size_t size = pare_dtype_size(call->in[2]->dtype);
  const uint8_t *off = pare_u8(call->in[2]), *on = off + size;
  uint8_t *y = pare_u8(call->out[0]);
  for (int64_t i = 0; i < outer * depth * inner; i++) memcpy(y + (size_t)i * size, off, size);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t j = 0; j < inner; j++) {
      int64_t k = pare_tensor_get_s64(call->in[0], o * inner + j);
      k = k < 0 && k >= -depth ? k + depth : k;
      if (k >= 0 && k < depth) memcpy(y + (size_t)((o * depth + k) * inner + j) * size, on, size);
    }
  return PARE_OK;
}

const pare_op pare_op_one_hot = {
    .name = "OneHot",
    .domain = "",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "indices have no gradient",
    .quant = PARE_QUANT_NONE,
};
