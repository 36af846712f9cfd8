/* Softmax: y = exp(x - max) / sum of exp(x - max) along one axis (ONNX Softmax, opset 13); dx = y (dy -
 * sum of dy y). */
#include "ops/softmax.h"

#include "kernels/f32_math/f32_math.h"

static pare_status run(pare_call *call) {
  const pare_extent e = pare_softmax_extent_of(call);
  float *high = (float *)call->scratch, *sum = high + e.inner;
  for (int64_t o = 0; o < e.outer && e.n > 0; o++) {
    const float *x = pare_f32(call->in[0]) + o * e.n * e.inner;
    float *y = pare_f32(call->out[0]) + o * e.n * e.inner;
    pare_softmax_high(x, e.n, e.inner, high);
    for (int64_t i = 0; i < e.n; i++)
      for (int64_t j = 0; j < e.inner; j++) y[i * e.inner + j] = x[i * e.inner + j] - high[j];
    pare_expf_n(y, y, e.n * e.inner);
    pare_softmax_sum(y, e.n, e.inner, sum);
    for (int64_t i = 0; i < e.n; i++)
      for (int64_t j = 0; j < e.inner; j++) y[i * e.inner + j] /= sum[j];
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const pare_extent e = pare_softmax_extent_of(grad->call);
  float *dot = (float *)grad->call->scratch;
  for (int64_t o = 0; o < e.outer; o++) {
    const int64_t at = o * e.n * e.inner;
    const float *y = pare_f32(grad->call->out[0]) + at, *g = pare_f32(grad->d_out[0]) + at;
    float *dx = pare_f32(grad->d_in[0]) + at;
    for (int64_t j = 0; j < e.inner; j++) dot[j] = 0.0f;
    for (int64_t i = 0; i < e.n; i++)
      for (int64_t j = 0; j < e.inner; j++) dot[j] += g[i * e.inner + j] * y[i * e.inner + j];
    for (int64_t i = 0; i < e.n; i++)
      for (int64_t j = 0; j < e.inner; j++)
        dx[i * e.inner + j] += y[i * e.inner + j] * (g[i * e.inner + j] - dot[j]);
  }
  return PARE_OK;
}

const pare_op pare_op_softmax = {
    .name = "Softmax",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_softmax_infer,
    .prepare = pare_softmax_prepare,
    .run = run,
    .backward = backward,
    .couple = pare_softmax_couple,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
