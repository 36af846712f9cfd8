/* Slice: every `step`-th element from `start` to before `end`, per axis; negative positions count from the
 * end, negative steps walk backwards (ONNX Slice, opset 13). Positions far outside are clamped, as
 * exporters write INT64_MAX for "to the end". */
#include "ops/slice.h"

#include "ops/loop.h"
#include "ops/op_util.h"

typedef struct window {
  int64_t start[PARE_MAX_RANK], step[PARE_MAX_RANK];
  pare_shape out;
} window;

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
  return x < low ? low : x > high ? high : x;
}

/* One axis of length `dim`. */
static void cut(window *w, int axis, int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (step < -INT64_MAX) step = -INT64_MAX; /* so that it can be negated */
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  int64_t n;
  if (step > 0) {
    start = clamp(start, 0, dim);
    end = clamp(end, 0, dim);
    n = end > start ? (end - start - 1) / step + 1 : 0;
  } else {
    start = clamp(start, 0, dim - 1); /* as the operator's text has it; numpy would start at -1 */
    end = clamp(end, -1, dim - 1);
    n = start > end ? (start - end - 1) / -step + 1 : 0;
  }
  if (dim == 0) n = 0;
  w->start[axis] = n > 0 ? start : 0;
  w->step[axis] = n > 1 ? step : 0; /* not used otherwise, and too large to multiply perhaps */
  w->out.dims[axis] = n;
}

static pare_status read_window(pare_call *call, window *w) {
  const pare_shape *in = &call->in[0]->shape;
  int64_t starts[PARE_MAX_RANK], ends[PARE_MAX_RANK], axes[PARE_MAX_RANK], steps[PARE_MAX_RANK];
  size_t n = 0, n_ends = 0, n_axes = 0, n_steps = 0;
  PARE_TRY(pare_op_const_ints(call, 1, starts, PARE_MAX_RANK, &n));
  PARE_TRY(pare_op_const_ints(call, 2, ends, PARE_MAX_RANK, &n_ends));
  n_axes = n_steps = n;
  for (size_t i = 0; i < n; i++) axes[i] = (int64_t)i, steps[i] = 1;
  if (pare_call_has(call, 3)) PARE_TRY(pare_op_const_ints(call, 3, axes, PARE_MAX_RANK, &n_axes));
  if (pare_call_has(call, 4)) PARE_TRY(pare_op_const_ints(call, 4, steps, PARE_MAX_RANK, &n_steps));
  if (n_ends != n || n_axes != n || n_steps != n)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "starts, ends, axes and steps of different lengths");
  *w = (window){.out = *in};
  for (int i = 0; i < in->rank; i++) w->step[i] = 1;
  uint32_t seen = 0;
  for (size_t i = 0; i < n; i++) {
    int axis = 0;
    PARE_TRY(pare_op_axis(call, axes[i], in->rank, &axis));
    if (seen & 1u << axis) return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d is named twice", axis);
    if (steps[i] == 0) return pare_fail(call->ctx, PARE_BAD_MODEL, "a step of 0");
    seen |= 1u << axis;
    cut(w, axis, in->dims[axis], starts[i], ends[i], steps[i]);
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  window w;
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(read_window(call, &w));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &w.out);
}

/* Operand 0: the output, dense. Operand 1: the input, from element *first. */
static pare_status walk(pare_call *call, pare_loop *loop, int64_t *first) {
  window w;
  int64_t dense[PARE_MAX_RANK];
  PARE_TRY(read_window(call, &w));
  pare_loop_dense(&call->in[0]->shape, dense);
  *loop = (pare_loop){.rank = w.out.rank, .n = 2};
  memcpy(loop->dims, w.out.dims, sizeof loop->dims);
  pare_loop_dense(&w.out, loop->strides[0]);
  *first = 0;
  for (int i = 0; i < w.out.rank; i++) {
    *first += w.start[i] * dense[i];
    loop->strides[1][i] = w.step[i] * dense[i];
  }
  pare_loop_merge(loop);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  int64_t first;
  PARE_TRY(walk(call, &loop, &first));
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  if (loop.dims[0] > 0)
    pare_loop_copy(&loop, size, call->out[0]->data, pare_u8(call->in[0]) + (size_t)first * size);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  int64_t first;
  PARE_TRY(walk(grad->call, &loop, &first));
  if (loop.dims[0] > 0) pare_loop_add_back(&loop, pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]) + first);
  return PARE_OK;
}

int pare_slice_axis(const pare_call *call, int axis, int64_t *start, int64_t *step) {
  const pare_shape *in = &call->in[0]->shape;
  int64_t starts[PARE_MAX_RANK], axes[PARE_MAX_RANK], steps[PARE_MAX_RANK];
  const size_t n = pare_op_ints(call, 1, starts, PARE_MAX_RANK);
  for (size_t i = 0; i < n; i++) axes[i] = (int64_t)i, steps[i] = 1;
  pare_op_ints(call, 3, axes, PARE_MAX_RANK);
  pare_op_ints(call, 4, steps, PARE_MAX_RANK);
  *start = 0;
  *step = 1;
  for (size_t i = 0; i < n; i++) {
    if (pare_op_axis_of(axes[i], in->rank) != axis) continue;
    window w = {.out = *in};
    cut(&w, axis, in->dims[axis], starts[i], INT64_MAX, steps[i]);
    *start = w.start[axis];
    *step = steps[i];
    return (int)i;
  }
  return -1;
}

/* Whole axes, and those cut without leaving elements out between. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++) {
    int64_t start, step;
    (void)pare_slice_axis(call, axis, &start, &step);
    for (int64_t i = 0; step == 1 && i < call->out[0]->shape.dims[axis]; i++)
      PARE_TRY(pare_couple(coupler, 0, axis, start + i, PARE_OUT(0), axis, i));
  }
  return PARE_OK;
}

const pare_op pare_op_slice = {
    .name = "Slice",
    .domain = "",
    .min_in = 3,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
