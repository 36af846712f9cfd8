/* Activations of the recurrent operators and their slopes, from the value (ONNX LSTM, opset 14). */
#include "ops/recurrent_activations.h"

#include <math.h>

#include "kernels/f32_math/f32_math.h"

#define EACH(name, value)                                                                                    \
  static void name##_n(const pare_activation *f, const float *xs, float *ys, int64_t n) {                    \
    const float alpha = f->alpha, beta = f->beta;                                                            \
    (void)alpha, (void)beta;                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                                        \
      const float x = xs[i];                                                                                 \
      ys[i] = value;                                                                                         \
    }                                                                                                        \
  }
#define SLOPE(name, value)                                                                                   \
  static float name##_slope(const pare_activation *f, float y) {                                             \
    (void)f, (void)y;                                                                                        \
    return value;                                                                                            \
  }

static void sigmoid_n(const pare_activation *f, const float *x, float *y, int64_t n) {
  (void)f;
  pare_sigmoidf_n(x, y, n);
}
static void tanh_n(const pare_activation *f, const float *x, float *y, int64_t n) {
  (void)f;
  pare_tanhf_n(x, y, n);
}
static float hard_sigmoid(float x, float alpha, float beta) {
  const float v = alpha * x + beta, low = v < 0.0f ? 0.0f : v;
  return low > 1.0f ? 1.0f : low;
}
EACH(relu, x < 0.0f ? 0.0f : x)
EACH(hard_sigmoid, hard_sigmoid(x, alpha, beta))
EACH(affine, alpha *x + beta)
EACH(leaky_relu, x < 0.0f ? alpha * x : x)
EACH(thresholded_relu, x > alpha ? x : 0.0f)
EACH(scaled_tanh, alpha *pare_tanhf(beta *x))
EACH(elu, x < 0.0f ? alpha * (pare_expf(x) - 1.0f) : x)
EACH(softsign, x / (1.0f + fabsf(x)))
EACH(softplus, (x > 0.0f ? x : 0.0f) + pare_logf(1.0f + pare_expf(-fabsf(x))))

SLOPE(sigmoid, y *(1.0f - y))
SLOPE(tanh, 1.0f - y * y)
SLOPE(relu, y > 0.0f ? 1.0f : 0.0f)
SLOPE(hard_sigmoid, y > 0.0f && y < 1.0f ? f->alpha : 0.0f)
SLOPE(affine, f->alpha)
SLOPE(leaky_relu, y > 0.0f ? 1.0f : f->alpha)
SLOPE(thresholded_relu, y != 0.0f ? 1.0f : 0.0f)
SLOPE(scaled_tanh, f->beta *(f->alpha - y * y / f->alpha))
SLOPE(elu, y > 0.0f ? 1.0f : y + f->alpha)
SLOPE(softsign, (1.0f - fabsf(y)) * (1.0f - fabsf(y)))
SLOPE(softplus, 1.0f - pare_expf(-y))

static const struct {
  const char *name;
  bool has_alpha, has_beta;
  pare_activation activation;
} all[] = {
    {"Sigmoid", false, false, {sigmoid_n, sigmoid_slope, 0, 0}},
    {"Tanh", false, false, {tanh_n, tanh_slope, 0, 0}},
    {"Relu", false, false, {relu_n, relu_slope, 0, 0}},
    {"HardSigmoid", true, true, {hard_sigmoid_n, hard_sigmoid_slope, 0.2f, 0.5f}},
    {"Affine", true, true, {affine_n, affine_slope, 1, 0}},
    {"LeakyRelu", true, false, {leaky_relu_n, leaky_relu_slope, 0.01f, 0}},
    {"ThresholdedRelu", true, false, {thresholded_relu_n, thresholded_relu_slope, 1, 0}},
    {"ScaledTanh", true, true, {scaled_tanh_n, scaled_tanh_slope, 1, 1}},
    {"Elu", true, false, {elu_n, elu_slope, 1, 0}},
    {"Softsign", false, false, {softsign_n, softsign_slope, 0, 0}},
    {"Softplus", false, false, {softplus_n, softplus_slope, 0, 0}},
};

bool pare_activation_find(const char *name, pare_activation *out, bool *has_alpha, bool *has_beta) {
  for (size_t i = 0; i < PARE_COUNT(all); i++) {
    if (strcmp(all[i].name, name) != 0) continue;
    *out = all[i].activation;
    *has_alpha = all[i].has_alpha;
    *has_beta = all[i].has_beta;
    return true;
  }
  return false;
}
