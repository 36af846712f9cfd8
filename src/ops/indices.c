/* Index tensors and scattering (indices.h). */
#include "ops/indices.h"

#include "ops/loop.h"

pare_status pare_indices_need(pare_call *call, int i) {
  static const pare_dtype types[] = {PARE_S64, PARE_S32, PARE_NONE};
  return pare_op_need_dtype(call, i, types);
}

pare_status pare_indices_fail(const pare_call *call, int64_t index, int64_t n) {
  return pare_fail(call->ctx, PARE_BAD_DATA, "index %lld is outside an axis of length %lld",
                   (long long)(index < 0 ? index - n : index), (long long)n);
}

pare_status pare_indices_check(const pare_call *call, const pare_tensor *indices, int64_t n) {
  const int64_t count = pare_tensor_count(indices);
  for (int64_t i = 0; i < count; i++) {
    const int64_t index = pare_index_at(indices, i, n);
    if (index < 0 || index >= n) return pare_indices_fail(call, index, n);
  }
  return PARE_OK;
}

pare_status pare_indices_tuple(const pare_call *call, const pare_tensor *indices, int64_t i, int k,
                               const pare_shape *shape, int first, int64_t *out) {
  int64_t at = 0;
  for (int axis = 0; axis < k; axis++) {
    const int64_t n = shape->dims[first + axis], index = pare_index_at(indices, i * k + axis, n);
    if (index < 0 || index >= n) return pare_indices_fail(call, index, n);
    at = at * n + index;
  }
  *out = at;
  return PARE_OK;
}

/* ---- along an axis ------------------------------------------------------------------------------------- */

pare_status pare_indices_infer_axis(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_indices_need(call, 1));
  const pare_shape *in = &call->in[0]->shape, *indices = &call->in[1]->shape;
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), in->rank, &axis));
  bool fits = in->rank == indices->rank;
  for (int i = 0; i < in->rank && fits; i++) fits = i == axis || indices->dims[i] <= in->dims[i];
  if (!fits) return pare_fail(call->ctx, PARE_BAD_MODEL, "the indices do not fit the data in shape");
  return PARE_OK;
}

void pare_indices_start(pare_indices_walk *walk, const pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  *walk = (pare_indices_walk){.indices = call->in[1], .i = -1, .n = pare_tensor_count(call->in[1])};
  walk->axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), in->rank);
  walk->length = in->dims[walk->axis];
  pare_loop_dense(in, walk->stride);
}

bool pare_indices_next(pare_indices_walk *walk) {
  const pare_shape *shape = &walk->indices->shape;
  if (++walk->i >= walk->n) return false;
  for (int a = shape->rank - 1; walk->i > 0 && a >= 0; a--) {
    const int64_t step = a == walk->axis ? 0 : walk->stride[a];
    walk->base += step;
    if (++walk->index[a] < shape->dims[a]) break;
    walk->base -= step * shape->dims[a];
    walk->index[a] = 0;
  }
  walk->at = walk->base + pare_index_at(walk->indices, walk->i, walk->length) * walk->stride[walk->axis];
  return true;
}

/* ---- reductions ------------------------------------------------------------------------------------------ */

pare_status pare_scatter_read(pare_call *call, pare_scatter *out) {
  static const char *const names[] = {"none", "add", "mul", "max", "min"};
  PARE_TRY(pare_op_attr_type(call, "reduction", PARE_ATTR_STRING));
  const char *name = pare_node_string(call->node, "reduction", "none");
  for (size_t i = 0; i < PARE_COUNT(names); i++) {
    if (strcmp(names[i], name) != 0) continue;
    *out = (pare_scatter)i;
    if (i > 0 && call->in[0]->dtype == PARE_BOOL)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "reduction '%s' of bool", name);
    return PARE_OK;
  }
  return pare_fail(call->ctx, PARE_BAD_MODEL, "reduction '%.20s' is not known", name);
}

static double combine_f64(pare_scatter how, double a, double b) {
  switch (how) {
  case PARE_SCATTER_ADD: return a + b;
  case PARE_SCATTER_MUL: return a * b;
  case PARE_SCATTER_MAX: return b > a || b != b ? b : a;
  default: return b < a || b != b ? b : a;
  }
}

/* Wraps, as integers do; narrower types keep the low bytes, where sums and products are right too. */
static uint64_t combine_int(pare_scatter how, uint64_t a, uint64_t b, bool is_unsigned) {
  const bool less = is_unsigned ? a < b : (int64_t)a < (int64_t)b;
  switch (how) {
  case PARE_SCATTER_ADD: return a + b;
  case PARE_SCATTER_MUL: return a * b;
  case PARE_SCATTER_MAX: return less ? b : a;
  default: return less ? a : b;
  }
}

static void set_int(const pare_tensor *to, int64_t i, uint64_t value) {
  switch (pare_dtype_size(to->dtype)) {
  case 1: ((uint8_t *)to->data)[i] = (uint8_t)value; break;
  case 2: ((uint16_t *)to->data)[i] = (uint16_t)value; break;
  case 4: ((uint32_t *)to->data)[i] = (uint32_t)value; break;
  default: ((uint64_t *)to->data)[i] = value; break;
  }
}

/* Sums and products of f32 and narrower through double round once more, to the same value. */
static void combine(pare_scatter how, const pare_tensor *to, int64_t i, const pare_tensor *from, int64_t k) {
  const pare_dtype dtype = to->dtype;
  if (dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16 || dtype == PARE_BF16) {
    pare_tensor place = *to;
    pare_tensor_set_f64(&place, i,
                        combine_f64(how, pare_tensor_get_f64(to, i), pare_tensor_get_f64(from, k)));
    return;
  }
  set_int(to, i,
          combine_int(how, (uint64_t)pare_tensor_get_s64(to, i), (uint64_t)pare_tensor_get_s64(from, k),
                      dtype == PARE_U64));
}

void pare_scatter_put(pare_scatter how, const pare_tensor *to, int64_t i, const pare_tensor *from, int64_t k,
                      int64_t n) {
  const size_t size = pare_dtype_size(to->dtype);
  if (how == PARE_SCATTER_NONE)
    pare_op_copy(pare_u8(to) + (size_t)i * size, pare_u8(from) + (size_t)k * size, (size_t)n * size);
  else
    for (int64_t j = 0; j < n; j++) combine(how, to, i + j, from, k + j);
}
