/* TopK: the k largest (or smallest) elements along an axis and where they stand (ONNX TopK, opset 11). Of equal elements the one
 * in front comes first. They are always given sorted, which `sorted = 0` allows too. */
#include "ops/extent.h"
#include "ops/wide.h"

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  pare_shape out = call->in[0]->shape;
  int axis = 0;
  int64_t k = 0;
  size_t n = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), out.rank, &axis));
  PARE_TRY(pare_op_const_ints(call, 1, &k, 1, &n));
  if (n != 1 || k < 0 || k > out.dims[axis])
    return pare_fail(call->ctx, PARE_BAD_MODEL, "k is %lld of %lld elements", (long long)k,
                     (long long)out.dims[axis]);
  out.dims[axis] = k;
  PARE_TRY(pare_op_set_out(call, 0, call->in[0]->dtype, &out));
  return pare_op_set_out(call, 1, PARE_S64, &out);
}

static pare_status prepare(pare_call *call) {
  const size_t n = (size_t)call->in[0]->shape.dims[axis_of(call)];
  if (pare_mul_size(n, sizeof(int64_t), &call->scratch_bytes)) return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

typedef struct row {
  const pare_tensor *x;
  int64_t at, inner;
  int sign; /* 1: largest first */
} row;

/* Element i of the row comes before element j. */
static bool before(const row *r, int64_t i, int64_t j) {
  const int order = r->sign * pare_wide_compare(r->x, r->at + i * r->inner, r->at + j * r->inner);
  return order > 0 || (order == 0 && i < j);
}

/* Restores the heap below `top`: no child comes after its parent, so that the last of all stands first. */
static void sift(const row *r, int64_t *heap, int64_t top, int64_t n) {
  for (int64_t child; (child = 2 * top + 1) < n; top = child) {
    if (child + 1 < n && before(r, heap[child], heap[child + 1])) child++;
    if (!before(r, heap[top], heap[child])) return;
    const int64_t kept = heap[top];
    heap[top] = heap[child];
    heap[child] = kept;
  }
}

/* heap[k]: the first k of the n elements, in order. */
static void select(const row *r, int64_t n, int64_t k, int64_t *heap) {
  for (int64_t i = 0; i < k; i++) heap[i] = i;
  for (int64_t i = k / 2 - 1; i >= 0; i--) sift(r, heap, i, k);
  for (int64_t i = k; i < n && k > 0; i++) {
    if (!before(r, i, heap[0])) continue;
    heap[0] = i;
    sift(r, heap, 0, k);
  }
  for (int64_t left = k - 1; left > 0; left--) {
    const int64_t kept = heap[0];
    heap[0] = heap[left];
    heap[left] = kept;
    sift(r, heap, 0, left);
  }
}

static pare_status run(pare_call *call) {
  const int axis = axis_of(call);
  const pare_extent e = pare_extent_of(&call->in[0]->shape, axis);
  const pare_tensor *any = call->out[0] ? call->out[0] : call->out[1];
  const int64_t k = any->shape.dims[axis];
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  const int sign = pare_node_int(call->node, "largest", 1) != 0 ? 1 : -1;
  int64_t *places = call->scratch;
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t j = 0; j < e.inner; j++) {
      const row r = {call->in[0], o * e.n * e.inner + j, e.inner, sign};
      select(&r, e.n, k, places);
      for (int64_t i = 0; i < k; i++) {
        const int64_t to = (o * k + i) * e.inner + j, from = r.at + places[i] * e.inner;
        if (call->out[0])
          memcpy(pare_u8(call->out[0]) + (size_t)to * size, pare_u8(call->in[0]) + (size_t)from * size, size);
        if (call->n_out > 1 && call->out[1]) pare_s64(call->out[1])[to] = places[i];
      }
    }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int i = 0; i < 2 && i < call->n_out; i++) {
    if (!call->out[i]) continue;
    for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
      if (axis != axis_of(call)) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(i), axis));
  }
  return PARE_OK;
}

const pare_op pare_op_top_k = {
    .name = "TopK",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 2,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "none yet: no network that is trained here has asked for it",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
