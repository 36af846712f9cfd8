/* GlobalMaxPool: Y[n,c] = the largest of X[n,c,...]; a NaN wins (ONNX GlobalMaxPool, opset 1). The gradient goes
 * to the first largest. */
#include "ops/pool.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  return pare_pool_infer_global(call);
}

static int64_t largest(const float *x, int64_t n) {
  int64_t at = 0;
  for (int64_t i = 1; i < n; i++)
    if (x[i] > x[at] || (x[i] != x[i] && x[at] == x[at])) at = i;
  return at;
}

static int64_t plane_of(const pare_call *call) {
  return pare_shape_count_range(&call->in[0]->shape, 2, call->in[0]->shape.rank);
}

static pare_status run(pare_call *call) {
  const int64_t plane = plane_of(call), n = pare_tensor_count(call->out[0]);
  const float *x = pare_f32(call->in[0]);
  for (int64_t i = 0; i < n; i++, x += plane) pare_f32(call->out[0])[i] = x[largest(x, plane)];
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  const int64_t plane = plane_of(call), n = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n; i++)
    pare_f32(grad->d_in[0])[i * plane + largest(pare_f32(call->in[0]) + i * plane, plane)] +=
        pare_f32(grad->d_out[0])[i];
  return PARE_OK;
}

const pare_op pare_op_global_max_pool = {
    .name = "GlobalMaxPool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_NONE,
};
