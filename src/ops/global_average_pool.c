/* GlobalAveragePool: Y[n,c] = the mean of X[n,c,...] (ONNX GlobalAveragePool, opset 1), summed in the
 * fixed order of pare_op_sum_f32. */
#include "ops/pool.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  return pare_pool_infer_global(call);
}

static int64_t plane_of(const pare_call *call) {
  return pare_shape_count_range(&call->in[0]->shape, 2, call->in[0]->shape.rank);
}

/* Eight channels at a time; place p goes to lane p % 8 of its channel, as in pare_op_sum_f32. */
static void mean_last(const float *x, int64_t plane, int64_t c, float *y) {
  for (int64_t first = 0; first < c; first += 8) {
    const int64_t n = c - first < 8 ? c - first : 8;
    float lane[8][8] = {{0}};
    for (int64_t p = 0; p < plane; p++)
      for (int64_t i = 0; i < n; i++) lane[p & 7][i] += x[p * c + first + i];
    for (int64_t i = 0; i < n; i++) {
      float own[8];
      for (int k = 0; k < 8; k++) own[k] = lane[k][i];
      y[first + i] = pare_op_lanes(own) / (float)plane;
    }
  }
}

static pare_status run_last(pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  const int64_t plane = x->dims[1] * x->dims[2], c = x->dims[3];
  for (int64_t i = 0; i < x->dims[0]; i++)
    mean_last(pare_f32(call->in[0]) + i * plane * c, plane, c, pare_f32(call->out[0]) + i * c);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  if (call->node->channels_last) return run_last(call);
  const int64_t plane = plane_of(call), n = pare_tensor_count(call->out[0]);
  const float *x = pare_f32(call->in[0]);
  float *y = pare_f32(call->out[0]);
  for (int64_t i = 0; i < n; i++) y[i] = pare_op_sum_f32(x + i * plane, plane) / (float)plane;
  return PARE_OK;
}

/* Channels last. */
static void backward_last(const pare_shape *x, const float *dy, float *dx) {
  const int64_t plane = x->dims[1] * x->dims[2], c = x->dims[3];
  for (int64_t i = 0; i < x->dims[0]; i++, dy += c) {
    for (int64_t p = 0; p < plane; p++, dx += c) {
      for (int64_t k = 0; k < c; k++) dx[k] += dy[k] / (float)plane;
    }
  }
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  if (call->node->channels_last) {
    backward_last(&call->in[0]->shape, pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]));
    return PARE_OK;
  }
  const int64_t plane = plane_of(call), n = pare_tensor_count(call->out[0]);
  const float *dy = pare_f32(grad->d_out[0]);
  float *dx = pare_f32(grad->d_in[0]);
  for (int64_t i = 0; i < n; i++) {
    const float share = dy[i] / (float)plane;
    for (int64_t p = 0; p < plane; p++) dx[i * plane + p] += share;
  }
  return PARE_OK;
}

const pare_op pare_op_global_average_pool = {
    .name = "GlobalAveragePool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_VALUES,
    .layout = PARE_LAYOUT_FOLLOWS,
    .batch_layout = PARE_BATCH_FOLLOWS,
};
