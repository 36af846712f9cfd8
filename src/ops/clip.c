/* Clip: y = min(max(x, low), high), either bound optional (ONNX Clip, opset 13). Where low > high
 * everything becomes high. A NaN stays a NaN. The gradient passes strictly inside the bounds (PyTorch's
 * ReLU6 and Hardtanh); bounds get none. */
#include "ops/elementwise.h"

#include <math.h>

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  for (int i = 1; i < 3; i++) {
    if (!pare_call_has(call, i)) continue;
    PARE_TRY(pare_op_need(call, i));
    if (pare_tensor_count(call->in[i]) != 1 || call->in[i]->dtype != call->in[0]->dtype)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "bounds must be one element of the input's type");
  }
  return pare_op_infer_same(call);
}

static void clip_f32(const pare_call *call, const float *x, float *y, int64_t n) {
  const float low = pare_call_has(call, 1) ? pare_f32(call->in[1])[0] : -INFINITY;
  const float high = pare_call_has(call, 2) ? pare_f32(call->in[2])[0] : INFINITY;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) {
    const float above = x[i] < low ? low : x[i];
    y[i] = above > high ? high : above;
  }
}

/* The other types, one number after another. A bound is an element of its tensor: compared there, it needs no type. */
static int order(const pare_tensor *x, int64_t i, const pare_tensor *bound) {
  if (pare_wide_is_float(x->dtype)) {
    const double a = pare_tensor_get_f64(x, i), b = pare_tensor_get_f64(bound, 0);
    return (a > b) - (a < b);
  }
  const int64_t a = pare_tensor_get_s64(x, i), b = pare_tensor_get_s64(bound, 0);
  if (x->dtype == PARE_U64) return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
  return (a > b) - (a < b);
}

static void clip_any(const pare_call *call, int64_t n) {
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  for (int64_t i = 0; i < n; i++) {
    const pare_tensor *from = call->in[0];
    int64_t at = i;
    if (pare_call_has(call, 1) && order(from, at, call->in[1]) < 0) from = call->in[1], at = 0;
    if (pare_call_has(call, 2) && order(from, at, call->in[2]) > 0) from = call->in[2], at = 0;
    memmove(pare_u8(call->out[0]) + (size_t)i * size, pare_u8(from) + (size_t)at * size, size);
  }
}

static pare_status run(pare_call *call) {
  const int64_t n = pare_tensor_count(call->in[0]);
  if (call->in[0]->dtype == PARE_F32)
    clip_f32(call, pare_f32(call->in[0]), pare_f32(call->out[0]), n);
  else
    clip_any(call, n);
  return PARE_OK;
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)y;
  const float low = pare_call_has(call, 1) ? pare_f32(call->in[1])[0] : -INFINITY;
  const float high = pare_call_has(call, 2) ? pare_f32(call->in[2])[0] : INFINITY;
  for (int64_t i = 0; i < n; i++) dx[i] += x[i] > low && x[i] < high ? g[i] : 0.0f;
}

static pare_status backward(pare_grad_call *grad) {
  return pare_unary_backward_by(grad, gradient);
}

const pare_op pare_op_clip = {
    .name = "Clip",
    .domain = "",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_VALUES,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
