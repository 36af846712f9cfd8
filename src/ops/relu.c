/* Relu: y = max(0, x) (ONNX Relu, opset 14). A NaN stays a NaN. Its gradient at 0 is 0, as PyTorch's. */
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}
static double wide(const double *p, double x) {
  (void)p;
  return x < 0 ? 0 : x;
}
static int64_t whole(const double *p, int64_t x) {
  (void)p;
  return x < 0 ? 0 : x;
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

static const pare_unary relu = {
    .f32 = forward, .f64 = wide, .s64 = whole, .gradient = gradient, .no_unsigned = true};

const pare_op pare_op_relu = {
    PARE_UNARY_FACTS("Relu", "", relu),
    .backward = pare_unary_backward,
    .sets_gradient = true,
    .quant = PARE_QUANT_VALUES,
};
