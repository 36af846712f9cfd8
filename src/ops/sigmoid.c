/* Sigmoid: y = 1 / (1 + exp(-x)) (ONNX Sigmoid, opset 13); dx = dy y (1 - y). */
#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

static void forward(const pare_call *call, const float *x, float *y, int64_t n) {
  (void)call;
  pare_sigmoidf_n(x, y, n);
}

static void gradient(const pare_call *call, const float *x, const float *y, const float *g, float *dx,
                     int64_t n) {
  (void)call, (void)x;
  for (int64_t i = 0; i < n; i++) dx[i] += g[i] * y[i] * (1.0f - y[i]);
}

static double wide(const double *p, double x) {
  (void)p;
  return x < 0 ? pare_exp(x) / (1.0 + pare_exp(x)) : 1.0 / (1.0 + pare_exp(-x));
}

static const pare_unary family = {.f32 = forward, .f64 = wide, .gradient = gradient};

const pare_op pare_op_sigmoid = {
    PARE_UNARY_FACTS("Sigmoid", "", family),
    .backward = pare_unary_backward,
    .quant = PARE_QUANT_NONE,
};
