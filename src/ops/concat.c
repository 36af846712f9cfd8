/* Concat: inputs one after another along an axis (ONNX Concat, opset 13). */
#include "ops/op_util.h"

static int axis_of(const pare_call *call) {
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), call->in[0]->shape.rank);
  return pare_op_image_axis(call, axis);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  pare_shape out = call->in[0]->shape;
  int axis = 0;
  if (pare_node_attr(call->node, "axis") == NULL)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'axis' is missing");
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), out.rank, &axis));
  axis = pare_op_image_axis(call, axis);
  for (int i = 1; i < call->n_in; i++) {
    PARE_TRY(pare_op_need(call, i));
    const pare_shape *in = &call->in[i]->shape;
    bool fits = in->rank == out.rank && call->in[i]->dtype == call->in[0]->dtype;
    for (int k = 0; k < in->rank && fits; k++) fits = k == axis || in->dims[k] == out.dims[k];
    if (!fits || __builtin_add_overflow(out.dims[axis], in->dims[axis], &out.dims[axis]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d does not fit input 0 in type or shape", i);
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status run(pare_call *call) {
  const int axis = axis_of(call);
  const pare_shape *shape = &call->out[0]->shape;
  const size_t size = pare_dtype_size(call->out[0]->dtype);
  const int64_t outer = pare_shape_count_range(shape, 0, axis);
  const size_t out_row = (size_t)pare_shape_count_range(shape, axis, shape->rank) * size;
  size_t at = 0;
  for (int i = 0; i < call->n_in; i++) {
    const pare_shape *in = &call->in[i]->shape;
    const size_t row = (size_t)pare_shape_count_range(in, axis, in->rank) * size;
    for (int64_t o = 0; o < outer; o++)
      pare_op_copy(pare_u8(call->out[0]) + (size_t)o * out_row + at, pare_u8(call->in[i]) + (size_t)o * row,
                   row);
    at += row;
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (grad->d_out[0] == NULL) return PARE_OK;
  const pare_call *call = grad->call;
  const int axis = axis_of(call);
  const pare_shape *shape = &call->out[0]->shape;
  const int64_t outer = pare_shape_count_range(shape, 0, axis);
  const int64_t out_row = pare_shape_count_range(shape, axis, shape->rank);
  int64_t at = 0;
  for (int i = 0; i < call->n_in; i++) {
    const pare_shape *in = &call->in[i]->shape;
    const int64_t row = pare_shape_count_range(in, axis, in->rank);
    for (int64_t o = 0; o < outer && pare_grad_wants(grad, i); o++)
      pare_op_add_f32(pare_f32(grad->d_in[i]) + o * row, pare_f32(grad->d_out[0]) + o * out_row + at, row);
    at += row;
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int axis = axis_of(call);
  int64_t at = 0;
  for (int i = 0; i < call->n_in; i++) {
    const pare_shape *in = &call->in[i]->shape;
    for (int k = 0; k < in->rank; k++)
      if (k != axis) PARE_TRY(pare_couple_axes(coupler, i, k, PARE_OUT(0), k));
    for (int64_t c = 0; c < in->dims[axis]; c++)
      PARE_TRY(pare_couple(coupler, i, axis, c, PARE_OUT(0), axis, at + c));
    at += in->dims[axis];
  }
  return PARE_OK;
}

const pare_op pare_op_concat = {
    .name = "Concat",
    .domain = "",
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_VALUES,
    .layout = PARE_LAYOUT_FOLLOWS,
};
