/* What element-wise operators share; see elementwise.h. */
#include "ops/elementwise.h"

#include <string.h>

/* ---- unary --------------------------------------------------------------------------------------------- */
static const pare_unary *unary_of(const pare_call *call) {
  return (const pare_unary *)call->node->op->family;
}

static void read_attrs(const pare_call *call, double p[2]) {
  const pare_unary *op = unary_of(call);
  for (int i = 0; i < 2; i++)
    p[i] = op->attrs[i].name ? (double)pare_node_float(call->node, op->attrs[i].name, op->attrs[i].fallback)
                             : 0.0;
}

static bool is_unsigned(pare_dtype dtype) {
  return dtype == PARE_U8 || dtype == PARE_U16 || dtype == PARE_U32 || dtype == PARE_U64;
}

static bool unary_takes(const pare_unary *op, pare_dtype dtype) {
  if (dtype == PARE_BOOL || op->only_bool) return op->takes_bool && dtype == PARE_BOOL;
  if (pare_wide_is_float(dtype)) return op->f64 != NULL;
  return op->s64 != NULL && pare_wide_is_int(dtype) && !(op->no_unsigned && is_unsigned(dtype));
}

pare_status pare_unary_infer(pare_call *call) {
  const pare_unary *op = unary_of(call);
  PARE_TRY(pare_op_need(call, 0));
  for (int i = 0; i < 2; i++)
    if (op->attrs[i].name) PARE_TRY(pare_op_attr_type(call, op->attrs[i].name, PARE_ATTR_FLOAT));
  const pare_dtype dtype = call->in[0]->dtype;
  if (!unary_takes(op, dtype))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "input 0 of type %s", pare_dtype_name(dtype));
  return pare_op_set_out(call, 0, op->gives_bool ? PARE_BOOL : dtype, &call->in[0]->shape);
}

static void unary_row_f64(const pare_call *call, const double *p, int64_t at, int64_t n) {
  double row[PARE_WIDE_ROW];
  pare_wide_read_f64(call->in[0], at, 1, n, row);
  for (int64_t i = 0; i < n; i++) row[i] = unary_of(call)->f64(p, row[i]);
  pare_wide_write_f64(call->out[0], at, n, row);
}

static void unary_row_s64(const pare_call *call, const double *p, int64_t at, int64_t n) {
  int64_t row[PARE_WIDE_ROW];
  pare_wide_read_s64(call->in[0], at, 1, n, row);
  for (int64_t i = 0; i < n; i++) row[i] = unary_of(call)->s64(p, row[i]);
  pare_wide_write_s64(call->out[0], at, n, row);
}

pare_status pare_unary_run(pare_call *call) {
  const pare_unary *op = unary_of(call);
  const int64_t count = pare_tensor_count(call->in[0]);
  if (op->f32 && call->in[0]->dtype == PARE_F32) {
    op->f32(call, pare_f32(call->in[0]), pare_f32(call->out[0]), count);
    return PARE_OK;
  }
  double p[2];
  read_attrs(call, p);
  const bool is_float = pare_wide_is_float(call->in[0]->dtype);
  for (int64_t at = 0; at < count; at += PARE_WIDE_ROW) {
    const int64_t n = count - at < PARE_WIDE_ROW ? count - at : PARE_WIDE_ROW;
    if (is_float)
      unary_row_f64(call, p, at, n);
    else
      unary_row_s64(call, p, at, n);
  }
  return PARE_OK;
}

pare_status pare_unary_backward_by(pare_grad_call *grad, pare_unary_grad_fn fn) {
  const pare_call *call = grad->call;
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const float *x = pare_f32(call->in[0]), *y = pare_f32(call->out[0]), *dy = pare_f32(grad->d_out[0]);
  float *dx = pare_f32(grad->d_in[0]);
  const int64_t n = pare_tensor_count(call->in[0]), step = grad->fresh ? PARE_GRAD_FRESH : n;
  for (int64_t at = 0; at < n; at += step) {
    const int64_t part = n - at < step ? n - at : step;
    if (grad->fresh) memset(dx + at, 0, (size_t)part * sizeof(float));
    fn(call, x + at, y + at, dy + at, dx + at, part);
  }
  return PARE_OK;
}

static void gradient_by_slope(const pare_call *call, const float *x, const float *y, const float *g,
                              float *dx, int64_t n) {
  double p[2];
  read_attrs(call, p);
  for (int64_t i = 0; i < n; i++)
    dx[i] += (float)((double)g[i] * unary_of(call)->slope(p, (double)x[i], (double)y[i]));
}

pare_status pare_unary_backward(pare_grad_call *grad) {
  const pare_unary *op = unary_of(grad->call);
  return pare_unary_backward_by(grad, op->gradient ? op->gradient : gradient_by_slope);
}

pare_status pare_couple_same(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

/* ---- binary -------------------------------------------------------------------------------------------- */
static const pare_binary *binary_of(const pare_call *call) {
  return (const pare_binary *)call->node->op->family;
}

static bool binary_takes(const pare_binary *op, pare_dtype dtype) {
  if (dtype == PARE_BOOL) return op->takes_bool;
  if (pare_wide_is_float(dtype)) return op->f64 != NULL;
  return op->s64 != NULL && !op->no_ints && pare_wide_is_int(dtype);
}

pare_status pare_binary_infer_as(pare_call *call, const pare_binary *op) {
  PARE_TRY(pare_op_need(call, 0));
  pare_shape shape = call->in[0]->shape;
  const pare_dtype dtype = call->in[0]->dtype;
  if (!binary_takes(op, dtype))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "inputs of type %s", pare_dtype_name(dtype));
  for (int i = 1; i < call->n_in; i++) {
    PARE_TRY(pare_wide_need_same(call, i));
    PARE_TRY(pare_op_broadcast(call, &shape, &call->in[i]->shape, &shape));
  }
  return pare_op_set_out(call, 0, op->gives_bool ? PARE_BOOL : dtype, &shape);
}

typedef struct operand {
  const pare_tensor *tensor;
  int64_t at, step;
} operand;

static void binary_row_f64(const pare_binary *op, operand a, operand b, pare_tensor *out, int64_t at,
                           int64_t n) {
  double x1[PARE_WIDE_ROW], x2[PARE_WIDE_ROW];
  pare_wide_read_f64(a.tensor, a.at, a.step, n, x1);
  pare_wide_read_f64(b.tensor, b.at, b.step, n, x2);
  for (int64_t i = 0; i < n; i++) x1[i] = op->f64(x1[i], x2[i]);
  pare_wide_write_f64(out, at, n, x1);
}

static void binary_row_s64(const pare_binary *op, operand a, operand b, pare_tensor *out, int64_t at,
                           int64_t n) {
  int64_t x1[PARE_WIDE_ROW], x2[PARE_WIDE_ROW];
  int64_t (*fn)(int64_t, int64_t) = op->u64 && a.tensor->dtype == PARE_U64 ? op->u64 : op->s64;
  pare_wide_read_s64(a.tensor, a.at, a.step, n, x1);
  pare_wide_read_s64(b.tensor, b.at, b.step, n, x2);
  for (int64_t i = 0; i < n; i++) x1[i] = fn(x1[i], x2[i]);
  pare_wide_write_s64(out, at, n, x1);
}

/* out = f(a, b) with broadcasting. out may be a where their shapes are equal. */
static void binary_apply(const pare_binary *op, const pare_tensor *a, const pare_tensor *b,
                         pare_tensor *out) {
  pare_loop loop;
  const pare_shape *const shapes[] = {&out->shape, &a->shape, &b->shape};
  pare_loop_broadcast(&loop, &out->shape, shapes, 3);
  const int64_t run = pare_loop_run(&loop), a_step = pare_loop_step(&loop, 1),
                b_step = pare_loop_step(&loop, 2);
  const bool is_float = pare_wide_is_float(a->dtype), is_fast = op->f32 && a->dtype == PARE_F32;
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    if (is_fast) {
      op->f32(pare_f32(a) + loop.at[1], a_step, pare_f32(b) + loop.at[2], b_step, pare_f32(out) + loop.at[0],
              run);
      continue;
    }
    for (int64_t i = 0; i < run; i += PARE_WIDE_ROW) {
      const int64_t n = run - i < PARE_WIDE_ROW ? run - i : PARE_WIDE_ROW;
      const operand left = {a, loop.at[1] + i * a_step, a_step}, right = {b, loop.at[2] + i * b_step, b_step};
      if (is_float)
        binary_row_f64(op, left, right, out, loop.at[0] + i, n);
      else
        binary_row_s64(op, left, right, out, loop.at[0] + i, n);
    }
  }
}

pare_status pare_binary_infer(pare_call *call) {
  return pare_binary_infer_as(call, binary_of(call));
}

pare_status pare_binary_run_as(pare_call *call, const pare_binary *op) {
  if (call->n_in == 1) return pare_op_run_same_bytes(call);
  binary_apply(op, call->in[0], call->in[1], call->out[0]);
  for (int i = 2; i < call->n_in; i++) binary_apply(op, call->out[0], call->in[i], call->out[0]);
  return PARE_OK;
}

pare_status pare_binary_run(pare_call *call) {
  return pare_binary_run_as(call, binary_of(call));
}

pare_status pare_binary_backward(pare_grad_call *grad, pare_binary_grad_fn fn) {
  const pare_call *call = grad->call;
  const bool a_wanted = pare_grad_wants(grad, 0), b_wanted = pare_grad_wants(grad, 1);
  if (grad->d_out[0] == NULL || !(a_wanted || b_wanted)) return PARE_OK;
  const pare_shape *out = &call->out[0]->shape;
  const pare_shape *const shapes[] = {out, &call->in[0]->shape, &call->in[1]->shape};
  pare_loop loop;
  pare_loop_broadcast(&loop, out, shapes, 3);
  const int64_t run = pare_loop_run(&loop), a_step = pare_loop_step(&loop, 1),
                b_step = pare_loop_step(&loop, 2);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    fn(pare_f32(call->in[0]) + loop.at[1], a_step, pare_f32(call->in[1]) + loop.at[2], b_step,
       pare_f32(grad->d_out[0]) + loop.at[0], run, a_wanted ? pare_f32(grad->d_in[0]) + loop.at[1] : NULL,
       b_wanted ? pare_f32(grad->d_in[1]) + loop.at[2] : NULL);
  return PARE_OK;
}

pare_status pare_sum_backward(pare_grad_call *grad, float factor) {
  if (grad->d_out[0] == NULL) return PARE_OK;
  for (int k = 0; k < grad->call->n_in; k++) {
    if (!pare_grad_wants(grad, k)) continue;
    const pare_shape *const shapes[] = {&grad->d_out[0]->shape, &grad->d_in[k]->shape};
    pare_loop loop;
    pare_loop_broadcast(&loop, shapes[0], shapes, 2);
    const int64_t n = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
    for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
      const float *g = pare_f32(grad->d_out[0]) + loop.at[0];
      float *d = pare_f32(grad->d_in[k]) + loop.at[1];
      for (int64_t i = 0; i < n; i++) d[i * step] += factor * g[i];
    }
  }
  return PARE_OK;
}

/* The element of input i that stands at place `index` of the output, in row-major order. */
static int64_t element_of(const pare_shape *in, const pare_shape *out, int64_t index) {
  int64_t at = 0, stride = 1;
  for (int i = 1; i <= in->rank; i++) { /* from the last axis */
    const int64_t dim = in->dims[in->rank - i], k = index % out->dims[out->rank - i];
    index /= out->dims[out->rank - i];
    at += dim == 1 ? 0 : k * stride;
    stride *= dim;
  }
  return at;
}

pare_status pare_select_backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (grad->d_out[0] == NULL || call->in[0]->dtype != PARE_F32) return PARE_OK;
  const pare_shape *out = &call->out[0]->shape;
  const int64_t n = pare_shape_count(out);
  for (int64_t o = 0; o < n; o++) {
    for (int i = 0; i < call->n_in; i++) {
      const int64_t at = element_of(&call->in[i]->shape, out, o);
      if (pare_f32(call->in[i])[at] != pare_f32(call->out[0])[o]) continue;
      if (pare_grad_wants(grad, i)) pare_f32(grad->d_in[i])[at] += pare_f32(grad->d_out[0])[o];
      break;
    }
  }
  return PARE_OK;
}

pare_status pare_couple_broadcast(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *out = &call->out[0]->shape;
  for (int i = 0; i < call->n_in; i++) {
    const pare_shape *in = &call->in[i]->shape;
    const int missing = out->rank - in->rank;
    for (int axis = 0; axis < in->rank; axis++)
      if (in->dims[axis] == out->dims[axis + missing])
        PARE_TRY(pare_couple_axes(coupler, i, axis, PARE_OUT(0), axis + missing));
  }
  return PARE_OK;
}
