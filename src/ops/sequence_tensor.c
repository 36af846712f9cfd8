/* Between tensors and sequences: SplitToSequence cuts an axis into pieces, ConcatFromSequence joins along an axis there is, or stacks along
 * a new one (ONNX opset 11). */
#include "ops/control.h"

/* ---- SplitToSequence ------------------------------------------------------------------------------------- */

static pare_status infer_split(pare_call *call) {
  PARE_TRY(pare_control_need_tensor(call, 0));
  if (!pare_call_has(call, 1)) return PARE_OK;
  PARE_TRY(pare_control_need_tensor(call, 1));
  pare_dtype dtype = call->in[1]->dtype;
  if ((dtype == PARE_S32 || dtype == PARE_S64) && call->in[1]->shape.rank <= 1) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "'split' must be a number or a row of numbers");
}

/* The length of piece i; `left` of the axis. A scalar: equal pieces, the last one smaller. */
static int64_t piece(const pare_call *call, int64_t i, int64_t left) {
  if (!pare_call_has(call, 1)) return 1;
  const pare_tensor *split = call->in[1];
  int64_t len = pare_tensor_get_s64(split, split->shape.rank == 0 ? 0 : i);
  return split->shape.rank == 0 && len > left ? left : len;
}

static pare_status count_pieces(pare_call *call, int64_t dim, int64_t *n) {
  bool listed = pare_call_has(call, 1) && call->in[1]->shape.rank == 1;
  int64_t left = dim;
  for (*n = 0; listed ? *n < pare_tensor_count(call->in[1]) : left > 0; ++*n) {
    int64_t len = piece(call, *n, left);
    if (len < (listed ? 0 : 1) || len > left)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "a piece of %lld, where %lld are left", (long long)len,
                       (long long)left);
    left -= len;
  }
  if (left == 0) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "the pieces leave %lld of the axis", (long long)left);
}

static pare_status run_split(pare_call *call) {
  const pare_tensor *from = call->in[0];
  int axis = 0;
  int64_t n, at = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), from->shape.rank, &axis));
  int64_t dim = from->shape.dims[axis];
  bool drop = !pare_call_has(call, 1) && pare_node_int(call->node, "keepdims", 1) == 0;
  PARE_TRY(count_pieces(call, dim, &n));
  PARE_TRY(pare_list_new(call->ctx, false, n, call->out[0]));
  for (int64_t i = 0; i < n; i++) {
    int64_t len = piece(call, i, dim - at);
    PARE_TRY(pare_control_slice(call, from, axis, at, len, drop, &call->out[0]->list->items[i]));
    at += len;
  }
  return PARE_OK;
}

/* ---- ConcatFromSequence ---------------------------------------------------------------------------------- */

static pare_status infer_concat(pare_call *call) {
  PARE_TRY(pare_control_need_sequence(call, 0));
  if (call->in[0]->list->n > 0) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "nothing to join: the sequence is empty");
}

static pare_status stack(pare_call *call, int64_t axis) {
  const pare_list *list = call->in[0]->list;
  pare_rows rows = {0};
  pare_status status = PARE_OK;
  for (int64_t i = 0; i < list->n && status == PARE_OK; i++)
    status = pare_rows_add(call, &rows, &list->items[i]);
  if (status == PARE_OK) status = pare_rows_join(call, &rows, axis, false, NULL, call->out[0]);
  pare_rows_free(call->ctx, &rows);
  return status;
}

/* The dims of all items joined along `axis`. */
static pare_status joined_shape(pare_call *call, int axis, pare_shape *out) {
  const pare_list *list = call->in[0]->list;
  *out = list->items[0].shape;
  for (int64_t i = 1; i < list->n; i++) {
    pare_shape shape = list->items[i].shape;
    bool fits = shape.rank == out->rank && list->items[i].dtype == list->items[0].dtype;
    int64_t dim = fits ? shape.dims[axis] : 0;
    if (fits) shape.dims[axis] = out->dims[axis];
    if (!fits || !pare_shape_equal(&shape, out) ||
        __builtin_add_overflow(out->dims[axis], dim, &out->dims[axis]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "item %lld does not fit the first", (long long)i);
  }
  return PARE_OK;
}

static pare_status run_concat(pare_call *call) {
  const pare_list *list = call->in[0]->list;
  int64_t wanted = pare_node_int(call->node, "axis", 0);
  if (pare_node_int(call->node, "new_axis", 0)) return stack(call, wanted);
  pare_shape shape;
  int axis = 0;
  PARE_TRY(pare_control_need_bytes(call, list->items[0].dtype));
  PARE_TRY(pare_op_axis(call, wanted, list->items[0].shape.rank, &axis));
  PARE_TRY(joined_shape(call, axis, &shape));
  PARE_TRY(pare_tensor_new(call->ctx, list->items[0].dtype, &shape, call->out[0]));
  size_t inner =
      pare_dtype_size(list->items[0].dtype) * (size_t)pare_shape_count_range(&shape, axis + 1, shape.rank);
  size_t outer = (size_t)pare_shape_count_range(&shape, 0, axis), dim = (size_t)shape.dims[axis], at = 0;
  for (int64_t i = 0; i < list->n; i++) {
    size_t len = (size_t)list->items[i].shape.dims[axis];
    for (size_t o = 0; o < outer; o++)
      pare_op_copy(pare_u8(call->out[0]) + (o * dim + at) * inner, pare_u8(&list->items[i]) + o * len * inner,
                   len * inner);
    at += len;
  }
  return PARE_OK;
}

const pare_op pare_op_concat_from_sequence = {
    .name = "ConcatFromSequence",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_concat,
    .run = run_concat,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};

const pare_op pare_op_split_to_sequence = {
    .name = "SplitToSequence",
    .domain = "",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_split,
    .run = run_split,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};
