/* Results, rows and slices of operators that make their outputs themselves: see control.h. */
#include "ops/control.h"

pare_status pare_control_need_tensor(pare_call *call, int i) {
  if (!pare_call_has(call, i)) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is left out", i);
  if (call->in[i]->list) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is no tensor", i);
  return PARE_OK;
}

pare_status pare_control_need_sequence(pare_call *call, int i) {
  if (!pare_call_has(call, i)) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is left out", i);
  if (!call->in[i]->list || call->in[i]->list->is_optional)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is no sequence", i);
  return PARE_OK;
}

pare_status pare_control_need_one(pare_call *call, int i, pare_dtype dtype) {
  PARE_TRY(pare_control_need_tensor(call, i));
  if (call->in[i]->dtype == dtype && pare_tensor_count(call->in[i]) == 1) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d must be one element of type %s", i,
                   pare_dtype_name(dtype));
}

pare_status pare_control_infer(pare_call *call) {
  (void)call;
  return PARE_OK;
}

pare_status pare_control_scalar(pare_call *call, pare_dtype dtype, int64_t value, pare_tensor *out) {
  PARE_TRY(pare_tensor_new(call->ctx, dtype, &(pare_shape){.rank = 0}, out));
  if (dtype == PARE_S64)
    *pare_s64(out) = value;
  else
    pare_tensor_set_f64(out, 0, (double)value);
  return PARE_OK;
}

void pare_control_release(pare_tensor *tensors, int64_t n) {
  for (int64_t i = 0; i < n; i++) pare_tensor_release(&tensors[i]);
}

const pare_model *pare_control_graph(const pare_call *call, const char *attr) {
  const pare_attr *found = pare_node_attr(call->node, attr);
  return found && found->type == PARE_ATTR_GRAPH ? found->graphs[0] : NULL;
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

pare_status pare_control_need_bytes(pare_call *call, pare_dtype dtype) {
  if (pare_dtype_size(dtype)) return PARE_OK;
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "tensors of type %s", pare_dtype_name(dtype));
}

static pare_status grow(pare_call *call, pare_rows *rows, int64_t n) {
  size_t wanted;
  if (!pare_mul_size((size_t)n, rows->row_bytes, &wanted) || !pare_tensor_room(call->ctx, wanted))
    return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "%lld rows of %zu bytes do not fit in memory",
                     (long long)n, rows->row_bytes);
  if (wanted <= rows->capacity_bytes && rows->data) return PARE_OK;
  size_t doubled = rows->capacity_bytes * 2, capacity = doubled > wanted ? doubled : wanted;
  uint8_t *data = pare_realloc(call->ctx, rows->data, capacity);
  if (!data) return PARE_OUT_OF_MEMORY;
  rows->data = data;
  rows->capacity_bytes = capacity;
  return PARE_OK;
}

pare_status pare_rows_add(pare_call *call, pare_rows *rows, const pare_tensor *row) {
  if (row->list) return pare_fail(call->ctx, PARE_BAD_MODEL, "a row is no tensor");
  PARE_TRY(pare_control_need_bytes(call, row->dtype));
  if (rows->n == 0) {
    rows->dtype = row->dtype;
    rows->shape = row->shape;
    rows->row_bytes = pare_tensor_len_bytes(row);
  }
  if (row->dtype != rows->dtype || !pare_shape_equal(&row->shape, &rows->shape)) {
    char a[128], b[128];
    return pare_fail(call->ctx, PARE_BAD_MODEL, "rows of %s and %s do not stack",
                     pare_shape_text(&rows->shape, a, sizeof a), pare_shape_text(&row->shape, b, sizeof b));
  }
  PARE_TRY(grow(call, rows, rows->n + 1));
  pare_op_copy(rows->data + (size_t)rows->n * rows->row_bytes, row->data, rows->row_bytes);
  rows->n++;
  return PARE_OK;
}

pare_status pare_rows_pad(pare_call *call, pare_rows *rows, int64_t n) {
  if (rows->n == 0 || n <= rows->n) return PARE_OK;
  PARE_TRY(grow(call, rows, n));
  memset(rows->data + (size_t)rows->n * rows->row_bytes, 0, (size_t)(n - rows->n) * rows->row_bytes);
  rows->n = n;
  return PARE_OK;
}

/* dims of a row, and the count put in at `axis` */
static pare_status joined_shape(pare_call *call, const pare_rows *rows, int64_t axis, int *at,
                                pare_shape *out) {
  if (rows->shape.rank == PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "more than %d dimensions", PARE_MAX_RANK);
  PARE_TRY(pare_op_axis(call, axis, rows->shape.rank + 1, at));
  out->rank = rows->shape.rank + 1;
  for (int i = 0; i < out->rank; i++)
    out->dims[i] = i < *at ? rows->shape.dims[i] : i == *at ? rows->n : rows->shape.dims[i - 1];
  return PARE_OK;
}

static void put_rows(const pare_rows *rows, int at, bool backwards, pare_tensor *out) {
  size_t inner =
      pare_dtype_size(rows->dtype) * (size_t)pare_shape_count_range(&rows->shape, at, rows->shape.rank);
  size_t outer = (size_t)pare_shape_count_range(&rows->shape, 0, at), n = (size_t)rows->n;
  for (size_t r = 0; r < n; r++) {
    const uint8_t *row = rows->data + (backwards ? n - 1 - r : r) * rows->row_bytes;
    for (size_t o = 0; o < outer; o++)
      pare_op_copy(pare_u8(out) + (o * n + r) * inner, row + o * inner, inner);
  }
}

pare_status pare_rows_join(pare_call *call, pare_rows *rows, int64_t axis, bool backwards,
                           const pare_value *model, pare_tensor *out) {
  pare_shape shape = {0};
  int at = 0;
  if (rows->n == 0) {
    if (!model || pare_dtype_size(model->dtype) == 0)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "no row, and its type is not known");
    rows->dtype = model->dtype;
    rows->shape = model->has_shape ? model->shape : (pare_shape){0};
    for (int i = 0; i < rows->shape.rank; i++)
      if (rows->shape.dims[i] < 0) rows->shape.dims[i] = 0;
  }
  PARE_TRY(joined_shape(call, rows, axis, &at, &shape));
  PARE_TRY(pare_tensor_new(call->ctx, rows->dtype, &shape, out));
  if (rows->n > 0) put_rows(rows, at, backwards, out);
  pare_rows_free(call->ctx, rows);
  return PARE_OK;
}

void pare_rows_free(pare_context *ctx, pare_rows *rows) {
  pare_free(ctx, rows->data);
  *rows = (pare_rows){0};
}

/* ---- slices ------------------------------------------------------------------------------------------------ */

pare_status pare_control_slice(pare_call *call, const pare_tensor *from, int axis, int64_t at, int64_t n,
                               bool drop, pare_tensor *out) {
  pare_shape shape = from->shape;
  size_t size = pare_dtype_size(from->dtype);
  size_t inner = size * (size_t)pare_shape_count_range(&shape, axis + 1, shape.rank);
  size_t outer = (size_t)pare_shape_count_range(&shape, 0, axis), dim = (size_t)shape.dims[axis];
  PARE_TRY(pare_control_need_bytes(call, from->dtype));
  shape.dims[axis] = n;
  if (drop) {
    for (int i = axis; i + 1 < shape.rank; i++) shape.dims[i] = shape.dims[i + 1];
    shape.rank--;
  }
  PARE_TRY(pare_tensor_new(call->ctx, from->dtype, &shape, out));
  for (size_t o = 0; o < outer; o++)
    pare_op_copy(pare_u8(out) + o * (size_t)n * inner, pare_u8(from) + (o * dim + (size_t)at) * inner,
                 (size_t)n * inner);
  return PARE_OK;
}
