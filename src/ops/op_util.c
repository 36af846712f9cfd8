/* What many operator files need: axes, broadcasting, constant inputs, sizes checked against overflow, sums
 * in a fixed order. */
#include "ops/op_util.h"

pare_status pare_op_axis(pare_call *call, int64_t axis, int rank, int *out) {
  if (axis < -rank || axis >= rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %lld is outside a tensor of rank %d", (long long)axis,
                     rank);
  *out = pare_op_axis_of(axis, rank);
  return PARE_OK;
}

pare_status pare_op_broadcast(pare_call *call, const pare_shape *a, const pare_shape *b, pare_shape *out) {
  pare_shape shape;
  shape.rank = a->rank > b->rank ? a->rank : b->rank;
  for (int i = 1; i <= shape.rank; i++) { /* i: distance from the last axis */
    const int64_t p = i <= a->rank ? a->dims[a->rank - i] : 1;
    const int64_t q = i <= b->rank ? b->dims[b->rank - i] : 1;
    if (p != q && p != 1 && q != 1) {
      char left[128], right[128];
      return pare_fail(call->ctx, PARE_BAD_MODEL, "shapes %s and %s do not broadcast",
                       pare_shape_text(a, left, sizeof left), pare_shape_text(b, right, sizeof right));
    }
    shape.dims[shape.rank - i] = p == 1 ? q : p;
  }
  *out = shape;
  return PARE_OK;
}

pare_status pare_op_need(pare_call *call, int i) {
  if (!pare_call_has(call, i)) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is missing", i);
  const pare_tensor *in = call->in[i];
  if (pare_dtype_size(in->dtype) == 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "input %d of type %s", i, pare_dtype_name(in->dtype));
  if (in->shape.rank > PARE_MAX_RANK || !pare_shape_known(&in->shape))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "the shape of input %d is not known", i);
  return PARE_OK;
}

pare_status pare_op_need_dtype(pare_call *call, int i, const pare_dtype *dtypes) {
  PARE_TRY(pare_op_need(call, i));
  for (; *dtypes != PARE_NONE; dtypes++)
    if (call->in[i]->dtype == *dtypes) return PARE_OK;
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "input %d of type %s", i,
                   pare_dtype_name(call->in[i]->dtype));
}

size_t pare_op_ints(const pare_call *call, int i, int64_t *out, size_t max) {
  if (!pare_call_has(call, i)) return 0;
  const pare_tensor *in = call->in[i];
  const size_t n = (size_t)pare_tensor_count(in);
  for (size_t k = 0; k < n && k < max; k++)
    out[k] = in->dtype == PARE_S32 ? pare_s32(in)[k] : pare_s64(in)[k];
  return n < max ? n : max;
}

pare_status pare_op_need_data(pare_call *call, int i) {
  PARE_TRY(pare_op_need(call, i));
  if (call->in_is_const[i] && (call->in[i]->data != NULL || pare_tensor_count(call->in[i]) == 0))
    return PARE_OK;
  call->wants_data = true;
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "input %d must be a constant", i);
}

pare_status pare_op_const_ints(pare_call *call, int i, int64_t *out, size_t max, size_t *n) {
  static const pare_dtype dtypes[] = {PARE_S64, PARE_S32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, dtypes));
  PARE_TRY(pare_op_need_data(call, i));
  const pare_tensor *in = call->in[i];
  const int64_t count = pare_tensor_count(in);
  if (in->shape.rank > 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d must have rank 0 or 1", i);
  if ((uint64_t)count > max)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has %lld elements, at most %zu are allowed", i,
                     (long long)count, max);
  *n = pare_op_ints(call, i, out, max);
  return PARE_OK;
}

pare_status pare_op_axes(pare_call *call, int i, int rank, uint32_t *mask, int *n) {
  int64_t axes[PARE_MAX_RANK];
  size_t n_axes = 0;
  *mask = 0;
  *n = 0;
  if (!pare_call_has(call, i)) return PARE_OK;
  PARE_TRY(pare_op_const_ints(call, i, axes, PARE_MAX_RANK, &n_axes));
  for (size_t k = 0; k < n_axes; k++) {
    int axis = 0;
    PARE_TRY(pare_op_axis(call, axes[k], rank, &axis));
    if (*mask & 1u << axis) return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d is named twice", axis);
    *mask |= 1u << axis;
  }
  *n = (int)n_axes;
  return PARE_OK;
}

uint32_t pare_op_axes_mask(const pare_call *call, int i, int rank) {
  int64_t axes[PARE_MAX_RANK];
  const size_t n = pare_op_ints(call, i, axes, PARE_MAX_RANK);
  uint32_t mask = 0;
  for (size_t k = 0; k < n; k++) mask |= 1u << pare_op_axis_of(axes[k], rank);
  return mask;
}

pare_status pare_op_set_out(pare_call *call, int i, pare_dtype dtype, const pare_shape *shape) {
  if (i >= call->n_out || call->out[i] == NULL) return PARE_OK;
  size_t len_bytes;
  PARE_TRY(pare_tensor_bytes(call->ctx, dtype, shape, &len_bytes));
  call->out[i]->dtype = dtype;
  call->out[i]->shape = *shape;
  return PARE_OK;
}

pare_shape pare_op_image(const pare_call *call, const pare_tensor *tensor) {
  const pare_shape *s = &tensor->shape;
  if (!call->node->channels_last || s->rank != 4) return *s;
  return PARE_SHAPE(s->dims[0], s->dims[3], s->dims[1], s->dims[2]);
}

pare_status pare_op_set_image(pare_call *call, pare_dtype dtype, const pare_shape *shape) {
  if (!call->node->channels_last || shape->rank != 4) return pare_op_set_out(call, 0, dtype, shape);
  const pare_shape last = PARE_SHAPE(shape->dims[0], shape->dims[2], shape->dims[3], shape->dims[1]);
  return pare_op_set_out(call, 0, dtype, &last);
}

pare_status pare_op_attr_type(pare_call *call, const char *name, pare_attr_type type) {
  const pare_attr *attr = pare_node_attr(call->node, name);
  if (attr == NULL || attr->type == type) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute '%s' has the wrong type", name);
}

pare_status pare_op_infer_same(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &call->in[0]->shape);
}

pare_status pare_op_run_same_bytes(pare_call *call) {
  pare_op_copy(call->out[0]->data, call->in[0]->data, pare_tensor_len_bytes(call->in[0]));
  return PARE_OK;
}

pare_status pare_op_backward_same_bytes(pare_grad_call *grad) {
  if (pare_grad_wants(grad, 0) && grad->d_out[0] != NULL)
    pare_op_add_f32(pare_f32(grad->d_in[0]), pare_f32(grad->d_out[0]), pare_tensor_count(grad->d_in[0]));
  return PARE_OK;
}

void pare_op_add_f32(float *restrict to, const float *restrict from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

float pare_op_sum_f32(const float *x, int64_t n) {
  float lane[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; l++) lane[l] += x[i + l];
  for (; i < n; i++) lane[i & 7] += x[i];
  return pare_op_lanes(lane);
}

float pare_op_squares_f32(const float *x, float mean, int64_t n) {
  float lane[8] = {0}; /* element i goes to lane i % 8 */
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int e = 0; e < 8; e++) lane[e] += (x[i + e] - mean) * (x[i + e] - mean);
  for (int e = 0; i < n; i++, e++) lane[e] += (x[i] - mean) * (x[i] - mean);
  return pare_op_lanes(lane);
}

float pare_op_dot_f32(const float *x, const float *y, int64_t n) {
  float lane[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; l++) lane[l] += x[i + l] * y[i + l];
  for (; i < n; i++) lane[i & 7] += x[i] * y[i];
  return pare_op_lanes(lane);
}

uint64_t pare_op_nonzeros_f32(const pare_tensor *tensor) {
  const float *x = pare_f32(tensor);
  const int64_t n = pare_tensor_count(tensor);
  uint64_t found = 0;
  for (int64_t i = 0; i < n; i++) found += x[i] != 0.0f;
  return found;
}
