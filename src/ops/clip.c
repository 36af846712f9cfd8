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

#define CLIP(type, lowest, highest)                                                                          \
  do {                                                                                                       \
    const type *x = (const type *)call->in[0]->data;                                                         \
    const type low = pare_call_has(call, 1) ? *(const type *)call->in[1]->data : (lowest);                   \
    const type high = pare_call_has(call, 2) ? *(const type *)call->in[2]->data : (highest);                 \
    type *y = (type *)call->out[0]->data;                                                                    \
    PARE_IVDEP for (int64_t i = 0; i < n; i++) {                                                             \
      const type above = x[i] < low ? low : x[i];                                                            \
      y[i] = above > high ? high : above;                                                                    \
    }                                                                                                        \
  } while (0)

static pare_status run(pare_call *call) {
  const int64_t n = pare_tensor_count(call->in[0]);
  switch (call->in[0]->dtype) {
  case PARE_F32: CLIP(float, -INFINITY, INFINITY); break;
  case PARE_F64: CLIP(double, -(double)INFINITY, (double)INFINITY); break;
  case PARE_S8: CLIP(int8_t, INT8_MIN, INT8_MAX); break;
  case PARE_U8: CLIP(uint8_t, 0, UINT8_MAX); break;
  case PARE_S16: CLIP(int16_t, INT16_MIN, INT16_MAX); break;
  case PARE_U16: CLIP(uint16_t, 0, UINT16_MAX); break;
  case PARE_S32: CLIP(int32_t, INT32_MIN, INT32_MAX); break;
  case PARE_U32: CLIP(uint32_t, 0, UINT32_MAX); break;
  case PARE_U64: CLIP(uint64_t, 0, UINT64_MAX); break;
  default: CLIP(int64_t, INT64_MIN, INT64_MAX); break;
  }
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
