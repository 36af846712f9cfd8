/* Split: pieces along an axis, of the lengths in input `split` or equal ones; with num_outputs the last
 * may be shorter (ONNX Split, opset 18). */
#include "ops/op_util.h"

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", 0), call->in[0]->shape.rank);
}

/* Length of piece i; lengths in `split` are read one at a time, there may be many. */
static int64_t piece_of(const pare_call *call, int i, int64_t dim) {
  if (pare_call_has(call, 1)) return pare_tensor_get_s64(call->in[1], i);
  const int64_t n = call->n_out, equal = (dim + n - 1) / n;
  return i + 1 < n ? equal : dim - equal * (n - 1);
}

static pare_status check_split(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_S64, PARE_S32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 1, dtypes));
  PARE_TRY(pare_op_need_data(call, 1));
  if (call->in[1]->shape.rank != 1 || pare_tensor_count(call->in[1]) != call->n_out)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "'split' must have one length for each output");
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  pare_shape out = call->in[0]->shape;
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), out.rank, &axis));
  const int64_t dim = out.dims[axis], n = pare_node_int(call->node, "num_outputs", call->n_out);
  if (n != call->n_out)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "num_outputs is not the number of outputs");
  if (pare_call_has(call, 1))
    PARE_TRY(check_split(call));
  else if (pare_node_attr(call->node, "num_outputs") == NULL && dim % n != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "an axis of length %lld in %lld equal pieces", (long long)dim,
                     (long long)n);
  int64_t left = dim;
  for (int i = 0; i < call->n_out; i++) {
    out.dims[axis] = piece_of(call, i, dim);
    if (out.dims[axis] < 0 || out.dims[axis] > left)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "piece %d of length %lld does not fit", i,
                       (long long)out.dims[axis]);
    left -= out.dims[axis];
    PARE_TRY(pare_op_set_out(call, i, call->in[0]->dtype, &out));
  }
  if (left != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "pieces cover %lld of %lld", (long long)(dim - left),
                     (long long)dim);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  const int axis = axis_of(call);
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  const int64_t outer = pare_shape_count_range(in, 0, axis);
  const size_t inner = (size_t)pare_shape_count_range(in, axis + 1, in->rank) * size;
  const size_t in_row = (size_t)in->dims[axis] * inner;
  size_t at = 0;
  for (int i = 0; i < call->n_out; i++) {
    const size_t row = (size_t)piece_of(call, i, in->dims[axis]) * inner;
    for (int64_t o = 0; o < outer && call->out[i] != NULL; o++)
      pare_op_copy(pare_u8(call->out[i]) + (size_t)o * row, pare_u8(call->in[0]) + (size_t)o * in_row + at,
                   row);
    at += row;
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0)) return PARE_OK;
  const pare_call *call = grad->call;
  const pare_shape *in = &call->in[0]->shape;
  const int axis = axis_of(call);
  const int64_t outer = pare_shape_count_range(in, 0, axis),
                inner = pare_shape_count_range(in, axis + 1, in->rank);
  int64_t at = 0;
  for (int i = 0; i < call->n_out; i++) {
    const int64_t row = piece_of(call, i, in->dims[axis]) * inner;
    for (int64_t o = 0; o < outer && grad->d_out[i] != NULL; o++)
      pare_op_add_f32(pare_f32(grad->d_in[0]) + o * in->dims[axis] * inner + at,
                      pare_f32(grad->d_out[i]) + o * row, row);
    at += row;
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int axis = axis_of(call);
  const int64_t dim = call->in[0]->shape.dims[axis];
  int64_t at = 0;
  bool all = true; /* a piece that nobody reads keeps the axis as it is */
  for (int i = 0; i < call->n_out; i++) all = all && call->out[i] != NULL;
  for (int i = 0; i < call->n_out; i++) {
    const int64_t piece = piece_of(call, i, dim);
    for (int k = 0; k < call->in[0]->shape.rank; k++)
      if (k != axis && call->out[i] != NULL) PARE_TRY(pare_couple_axes(coupler, 0, k, PARE_OUT(i), k));
    for (int64_t c = 0; c < piece; c++) PARE_TRY(pare_couple(coupler, 0, axis, at + c, PARE_OUT(i), axis, c));
    at += piece;
  }
  return PARE_OK;
}

const pare_op pare_op_split = {
    .name = "Split",
    .domain = "",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = -1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
