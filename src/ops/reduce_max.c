/* ReduceMax: the largest value over the named axes (ONNX ReduceMax, opset 18). Equal largest values share
 * the gradient, as PyTorch's amax. */
#include "ops/reduce.h"

#include <math.h>

static pare_status prepare(pare_call *call) {
  call->scratch_bytes =
      (size_t)pare_tensor_count(call->out[0]) * sizeof(float); /* how many share each maximum */
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  pare_reduce_walk(call, &loop);
  const int64_t run_length = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  const int64_t n_out = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n_out; i++) pare_f32(call->out[0])[i] = -INFINITY;
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    const float *x = pare_f32(call->in[0]) + loop.at[0];
    float *y = pare_f32(call->out[0]) + loop.at[1];
    for (int64_t i = 0; i < run_length; i++)
      y[i * step] = x[i] > y[i * step] || x[i] != x[i] ? x[i] : y[i * step];
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
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

const pare_op pare_op_reduce_max = {
    .name = "ReduceMax",
    .domain = "",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_reduce_infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .couple = pare_reduce_couple,
    .quant = PARE_QUANT_NONE,
};
