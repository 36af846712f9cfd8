/* Shared by the Reduce operators; see reduce.h. */
#include "ops/reduce.h"

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
  static const pare_dtype dtypes[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
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

void pare_reduce_sum(const pare_call *call) {
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

pare_status pare_reduce_backward(pare_grad_call *grad, float divisor) {
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
