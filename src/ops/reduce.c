/* Shared by the Reduce operators; see reduce.h. */
#include "ops/reduce.h"

#include <math.h>

#include "ops/wide.h"

static const pare_reduction *family_of(const pare_call *call) {
  return (const pare_reduction *)call->node->op->family;
}

/* Bit a: axis a is reduced. */
static uint32_t reduced(const pare_call *call) {
  const int rank = call->in[0]->shape.rank;
  const bool empty = !pare_call_has(call, 1) || pare_tensor_count(call->in[1]) == 0;
  if (!empty) return pare_op_axes_mask(call, 1, rank);
  return pare_node_int(call->node, "noop_with_empty_axes", 0) != 0 ? 0 : (1u << rank) - 1;
}

static bool keeps_dims(const pare_call *call) {
  return pare_node_int(call->node, "keepdims", 1) != 0;
}

pare_status pare_reduce_infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  if (pare_dtype_size(call->in[0]->dtype) < 4 && !family_of(call)->takes_bytes)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "input 0 of type %s", pare_dtype_name(call->in[0]->dtype));
  const pare_shape *in = &call->in[0]->shape;
  uint32_t mask;
  int n;
  PARE_TRY(pare_op_axes(call, 1, in->rank, &mask, &n));
  mask = reduced(call);
  pare_shape out = {.rank = 0};
  for (int i = 0; i < in->rank; i++) {
    if (!(mask & 1u << i))
      out.dims[out.rank++] = in->dims[i];
    else if (keeps_dims(call))
      out.dims[out.rank++] = 1;
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

void pare_reduce_walk(const pare_call *call, pare_loop *loop) {
  const pare_shape *in = &call->in[0]->shape;
  pare_shape kept = *in;
  for (int i = 0; i < in->rank; i++)
    if (reduced(call) & 1u << i) kept.dims[i] = 1;
  const pare_shape *const shapes[] = {in, &kept};
  pare_loop_broadcast(loop, in, shapes, 2);
}

int64_t pare_reduce_n(const pare_call *call) {
  int64_t n = 1;
  for (int i = 0; i < call->in[0]->shape.rank; i++)
    if (reduced(call) & 1u << i) n *= call->in[0]->shape.dims[i];
  return n;
}

/* Two rows of one number per output: the sums, and the largest values or how many share one. */
pare_status pare_reduce_prepare(pare_call *call) {
  if (pare_mul_size((size_t)pare_tensor_count(call->out[0]), 2 * sizeof(double), &call->scratch_bytes))
    return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

void pare_reduce_sum_f32(const pare_call *call) {
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const float *x = pare_f32(call->in[0]);
  float *y = pare_f32(call->out[0]);
  const int64_t run = pare_loop_run(&loop), n_out = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n_out; i++) y[i] = 0.0f;
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    if (pare_loop_step(&loop, 1) == 0)
      y[loop.at[1]] += pare_op_sum_f32(x + loop.at[0], run);
    else
      pare_op_add_f32(y + loop.at[1], x + loop.at[0], run);
  }
}

static int64_t row_length(int64_t left) {
  return left < PARE_WIDE_ROW ? left : PARE_WIDE_ROW;
}

/* sum[o] = fn(sum[o], x - low[o]); `low` may be NULL. */
static void take_f64(const pare_call *call, double (*fn)(double, double), double *sum, const double *low) {
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const int64_t run = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  double x[PARE_WIDE_ROW];
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    for (int64_t at = 0; at < run; at += PARE_WIDE_ROW) {
      const int64_t n = row_length(run - at);
      pare_wide_read_f64(call->in[0], loop.at[0] + at, 1, n, x);
      for (int64_t i = 0; i < n; i++) {
        const int64_t o = loop.at[1] + (at + i) * step;
        sum[o] = fn(sum[o], low ? x[i] - low[o] : x[i]);
      }
    }
  }
}

static void take_s64(const pare_call *call, int64_t (*fn)(int64_t, int64_t), int64_t *sum) {
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const int64_t run = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  int64_t x[PARE_WIDE_ROW];
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    for (int64_t at = 0; at < run; at += PARE_WIDE_ROW) {
      const int64_t n = row_length(run - at);
      pare_wide_read_s64(call->in[0], loop.at[0] + at, 1, n, x);
      for (int64_t i = 0; i < n; i++) {
        const int64_t o = loop.at[1] + (at + i) * step;
        sum[o] = fn(sum[o], x[i]);
      }
    }
  }
}

static void run_s64(const pare_call *call, const pare_reduction *op) {
  const int64_t n_out = pare_tensor_count(call->out[0]);
  const bool is_u64 = op->u64 && call->in[0]->dtype == PARE_U64;
  int64_t *sum = call->scratch;
  for (int64_t i = 0; i < n_out; i++) sum[i] = is_u64 ? op->u64_start : op->s64_start;
  take_s64(call, is_u64 ? op->u64 : op->s64, sum);
  for (int64_t i = 0; i < n_out; i++) pare_wide_set_s64(call->out[0], i, sum[i]);
}

static double larger(double a, double x) {
  return x > a || x != x ? x : a;
}

/* The largest value of each output; 0 where that is infinite, so that nothing becomes NaN. */
static void find_high(const pare_call *call, double *high, int64_t n_out) {
  for (int64_t i = 0; i < n_out; i++) high[i] = -(double)INFINITY;
  take_f64(call, larger, high, NULL);
  for (int64_t i = 0; i < n_out; i++) high[i] = isfinite(high[i]) ? high[i] : 0.0;
}

pare_status pare_reduce_run(pare_call *call) {
  const pare_reduction *op = family_of(call);
  if (pare_wide_is_int(call->in[0]->dtype) && op->s64) {
    run_s64(call, op);
    return PARE_OK;
  }
  const int64_t n_out = pare_tensor_count(call->out[0]);
  const double n = (double)pare_reduce_n(call);
  double *sum = call->scratch, *high = op->from_high ? sum + n_out : NULL;
  if (high) find_high(call, high, n_out);
  for (int64_t i = 0; i < n_out; i++) sum[i] = op->start;
  take_f64(call, op->f64, sum, high);
  for (int64_t i = 0; i < n_out; i++) {
    const double y = op->end ? op->end(sum[i], n) : sum[i];
    pare_tensor_set_f64(call->out[0], i, high ? y + high[i] : y);
  }
  return PARE_OK;
}

pare_status pare_reduce_backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const pare_call *call = grad->call;
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const int64_t run = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    const float *x = pare_f32(call->in[0]) + loop.at[0], *y = pare_f32(call->out[0]) + loop.at[1];
    const float *g = pare_f32(grad->d_out[0]) + loop.at[1];
    float *d = pare_f32(grad->d_in[0]) + loop.at[0];
    for (int64_t i = 0; i < run; i++)
      d[i] += g[i * step] * (float)family_of(call)->slope((double)x[i], (double)y[i * step]);
  }
  return PARE_OK;
}

pare_status pare_reduce_backward_by(pare_grad_call *grad, float divisor) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  pare_reduce_walk(grad->call, &loop);
  const int64_t run = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    const float *g = pare_f32(grad->d_out[0]) + loop.at[1];
    float *d = pare_f32(grad->d_in[0]) + loop.at[0];
    for (int64_t i = 0; i < run; i++) d[i] += g[i * step] / divisor;
  }
  return PARE_OK;
}

pare_status pare_reduce_backward_shared(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const pare_call *call = grad->call;
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const int64_t n = pare_loop_run(&loop), step = pare_loop_step(&loop, 1),
                n_out = pare_tensor_count(call->out[0]);
  const float *x = pare_f32(call->in[0]), *y = pare_f32(call->out[0]), *g = pare_f32(grad->d_out[0]);
  float *shares = (float *)call->scratch, *d = pare_f32(grad->d_in[0]);
  for (int64_t i = 0; i < n_out; i++) shares[i] = 0.0f;
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < n; i++)
      shares[loop.at[1] + i * step] += x[loop.at[0] + i] == y[loop.at[1] + i * step] ? 1.0f : 0.0f;
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < n; i++) {
      const int64_t o = loop.at[1] + i * step;
      if (x[loop.at[0] + i] == y[o]) d[loop.at[0] + i] += g[o] / shares[o];
    }
  return PARE_OK;
}

pare_status pare_reduce_couple(const pare_call *call, pare_coupler *coupler) {
  const uint32_t mask = reduced(call);
  for (int i = 0, k = 0; i < call->in[0]->shape.rank; i++) {
    if (!(mask & 1u << i))
      PARE_TRY(pare_couple_axes(coupler, 0, i, PARE_OUT(0), k++));
    else if (keeps_dims(call))
      k++;
  }
  return PARE_OK;
}
