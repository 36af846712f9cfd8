/* CenterCropPad: each axis cut or padded with zeros to the length in `shape`, about its centre (ONNX
 * CenterCropPad, opset 18): half of the difference, rounded down, is in front. */
#include "ops/axis_map.h"

static pare_status read_lengths(pare_call *call, pare_shape *out) {
  int64_t lengths[PARE_MAX_RANK];
  size_t n = 0, n_axes;
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_attr_type(call, "axes", PARE_ATTR_INTS));
  PARE_TRY(pare_op_const_ints(call, 1, lengths, PARE_MAX_RANK, &n));
  const int64_t *axes = pare_node_ints(call->node, "axes", &n_axes);
  const bool named = pare_node_attr(call->node, "axes") != NULL;
  *out = call->in[0]->shape;
  if (n != (named ? n_axes : (size_t)out->rank))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%zu lengths for %zu axes", n,
                     named ? n_axes : (size_t)out->rank);
  for (size_t i = 0; i < n; i++) {
    int axis = 0;
    PARE_TRY(pare_op_axis(call, named ? axes[i] : (int64_t)i, out->rank, &axis));
    out->dims[axis] = lengths[i];
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  pare_shape out;
  PARE_TRY(read_lengths(call, &out));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status prepare(pare_call *call) {
  pare_axis_map *map;
  PARE_TRY(pare_axis_map_new(call, &map));
  for (int axis = 0; axis < map->rank; axis++) {
    const int64_t n = map->in.dims[axis], m = map->out.dims[axis],
                  first = n > m ? (n - m) / 2 : -((m - n) / 2); /* the input's element of output element 0 */
    for (int64_t i = 0; i < m; i++) map->from[axis][i] = first + i >= 0 && first + i < n ? first + i : -1;
  }
  pare_axis_map_finish(map);
  call->state = map;
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  static const uint64_t zero = 0;
  pare_axis_map_copy(call->state, pare_dtype_size(call->in[0]->dtype), &zero, call->in[0]->data,
                     call->out[0]->data);
  return PARE_OK;
}

const pare_op pare_op_center_crop_pad = {
    .name = "CenterCropPad",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = pare_axis_map_backward,
    .quant = PARE_QUANT_NONE,
};
