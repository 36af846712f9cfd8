/* Neg: y = -x (ONNX Neg, opset 13). */
#include "ops/elementwise.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_F32, PARE_F64, PARE_S8, PARE_S16, PARE_S32, PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  return pare_op_infer_same(call);
}

static pare_status run(pare_call *call) {
  const int64_t n = pare_tensor_count(call->in[0]);
  switch (call->in[0]->dtype) {
  case PARE_F32: PARE_UNARY_APPLY(float, -x[i]); break;
  case PARE_F64: PARE_UNARY_APPLY(double, -x[i]); break;
  case PARE_S8: PARE_UNARY_APPLY(int8_t, PARE_NEGATED(int8_t)); break;
  case PARE_S16: PARE_UNARY_APPLY(int16_t, PARE_NEGATED(int16_t)); break;
  case PARE_S32: PARE_UNARY_APPLY(int32_t, PARE_NEGATED(int32_t)); break;
  default: PARE_UNARY_APPLY(int64_t, PARE_NEGATED(int64_t)); break;
  }
  return PARE_OK;
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)y, (void)x;
  for (int64_t i = 0; i < n; i++) dx[i] += -g[i];
}

static pare_status backward(pare_grad_call *grad) {
  return pare_unary_backward(grad, gradient);
}

const pare_op pare_op_neg = {
    .name = "Neg",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
