/* Tile: the input repeated `repeats` times along each axis (ONNX Tile, opset 13). */
#include "ops/axis_map.h"

static pare_status infer(pare_call *call) {
  int64_t repeats[PARE_MAX_RANK];
  size_t n = 0;
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_const_ints(call, 1, repeats, PARE_MAX_RANK, &n));
  pare_shape out = call->in[0]->shape;
  if (n != (size_t)out.rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%zu repeats for an input of rank %d", n, out.rank);
  for (int i = 0; i < out.rank; i++)
    if (repeats[i] < 0 || __builtin_mul_overflow(out.dims[i], repeats[i], &out.dims[i]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d cannot repeat %lld times", i,
                       (long long)repeats[i]);
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status prepare(pare_call *call) {
  pare_axis_map *map;
  PARE_TRY(pare_axis_map_new(call, &map));
  for (int axis = 0; axis < map->rank; axis++)
    for (int64_t i = 0; i < map->out.dims[axis]; i++) map->from[axis][i] = i % map->in.dims[axis];
  pare_axis_map_finish(map);
  call->state = map;
  return PARE_OK;
}

/* Axes that do not repeat go through. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  int64_t repeats[PARE_MAX_RANK];
  const size_t n = pare_op_ints(call, 1, repeats, PARE_MAX_RANK);
  for (int axis = 0; axis < (int)n; axis++)
    if (repeats[axis] == 1) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_tile = {
    .name = "Tile",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = pare_axis_map_run,
    .backward = pare_axis_map_backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
