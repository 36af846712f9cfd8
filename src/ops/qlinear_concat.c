/* QLinearConcat (com.microsoft, opset 1): inputs one after another along an axis, each with a scale and a zero point of its own, requantized to
 * the output's where they differ: y = QuantizeLinear(DequantizeLinear(x)). Inputs Y_scale, Y_zero_point, then X, X_scale, X_zero_point of each. */
#include "ops/byte_table.h"

enum { Y_SCALE, Y_ZERO, FIRST };

static int axis_of(const pare_call *call) {
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), call->in[FIRST]->shape.rank);
  return pare_op_image_axis(call, axis);
}

static pare_status infer(pare_call *call) {
  if (call->n_in < FIRST + 3 || (call->n_in - FIRST) % 3 != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "an input without scale or zero point");
  PARE_TRY(pare_q_need_8bit(call, FIRST));
  if (pare_node_attr(call->node, "axis") == NULL)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'axis' is missing");
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  const pare_dtype dtype = call->in[FIRST]->dtype;
  pare_shape out = call->in[FIRST]->shape;
  int axis;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), out.rank, &axis));
  axis = axis_of(call);
  out.dims[axis] = 0;
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, dtype, 0, false));
  for (int i = FIRST; i < call->n_in; i += 3) {
    PARE_TRY(pare_op_need(call, i));
    PARE_TRY(pare_q_need_scale(call, i + 1, 0));
    PARE_TRY(pare_q_need_zero(call, i + 2, dtype, 0, false));
    const pare_shape *in = &call->in[i]->shape;
    bool fits = in->rank == out.rank && call->in[i]->dtype == dtype;
    for (int k = 0; k < in->rank && fits; k++) fits = k == axis || in->dims[k] == out.dims[k];
    if (!fits || __builtin_add_overflow(out.dims[axis], in->dims[axis], &out.dims[axis]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d does not fit input %d in type or shape", i,
                       (int)FIRST);
  }
  return pare_op_set_out(call, 0, dtype, &out);
}

/* Input i, whose part of an output row begins at `to`. */
static void run_input(const pare_call *call, int i, int64_t outer, int64_t out_row, int64_t row,
                      uint8_t *to) {
  const bool same = pare_q_scale(call, i + 1, 0) == pare_q_scale(call, Y_SCALE, 0) &&
                    pare_q_zero(call, i + 2, 0) == pare_q_zero(call, Y_ZERO, 0);
  const uint8_t *x = pare_u8(call->in[i]);
  uint8_t table[256];
  if (!same) pare_byte_table_make(call, i + 1, Y_SCALE, call->in[i]->dtype == PARE_S8, NULL, table);
  for (int64_t o = 0; o < outer; o++, x += row, to += out_row) {
    if (same)
      pare_op_copy(to, x, (size_t)row);
    else
      pare_byte_table_apply(table, x, row, to);
  }
}

static pare_status run(pare_call *call) {
  const int axis = axis_of(call);
  const pare_shape *shape = &call->out[0]->shape;
  const int64_t outer = pare_shape_count_range(shape, 0, axis);
  const int64_t out_row = pare_shape_count_range(shape, axis, shape->rank);
  int64_t at = 0;
  for (int i = FIRST; i < call->n_in && out_row > 0; i += 3) {
    const int64_t row = pare_shape_count_range(&call->in[i]->shape, axis, shape->rank);
    run_input(call, i, outer, out_row, row, pare_u8(call->out[0]) + at);
    at += row;
  }
  return PARE_OK;
}

const pare_op pare_op_qlinear_concat = {
    .name = "QLinearConcat",
    .domain = "com.microsoft",
    .min_in = 5,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_FOLLOWS,
};
