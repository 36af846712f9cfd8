/* Relu: y = max(0, x) (ONNX Relu, opset 14). A NaN stays a NaN. Its gradient at 0 is 0, as PyTorch's. */
#include "ops/elementwise.h"

#define RELU(type)                                                                                           \
  do {                                                                                                       \
    const type *x = (const type *)call->in[0]->data;                                                         \
    type *y = (type *)call->out[0]->data;                                                                    \
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];                                   \
  } while (0)

static pare_status infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_F32, PARE_F64, PARE_S8, PARE_S16, PARE_S32, PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  return pare_op_infer_same(call);
}

static pare_status run(pare_call *call) {
  const int64_t n = pare_tensor_count(call->in[0]);
  switch (call->in[0]->dtype) {
  case PARE_F32: RELU(float); break;
  case PARE_F64: RELU(double); break;
  case PARE_S8: RELU(int8_t); break;
  case PARE_S16: RELU(int16_t); break;
  case PARE_S32: RELU(int32_t); break;
  default: RELU(int64_t); break;
  }
  return PARE_OK;
}

/* Reading g whatever y is lets compilers vectorise it. */
static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)x;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) {
    const float g_i = g[i];
    dx[i] += y[i] > 0.0f ? g_i : 0.0f;
  }
}

static pare_status backward(pare_grad_call *grad) {
  return pare_unary_backward(grad, gradient);
}

const pare_op pare_op_relu = {
    .name = "Relu",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
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
