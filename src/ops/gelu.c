/* Gelu: y = x Phi(x), Phi the normal distribution's, by erf or by tanh (Hendrycks and Gimpel 2016; ONNX Gelu, opset 20;
 * com.microsoft Gelu, and FastGelu and BiasGelu, which add a bias over the last axis first: ONNX Runtime's contrib operators).
 *   erf:  y = x/2 (1 + erf(x / sqrt(2)))
 *   tanh: y = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
#include "kernels/f32_math/f32_math.h"
#include "ops/elementwise.h"

enum { ROW = 64 };

static bool by_tanh(const pare_call *call) {
  const char *how = pare_node_string(call->node, "approximate", "none");
  return strcmp(call->node->op_type, "FastGelu") == 0 || strcmp(how, "tanh") == 0;
}

static const float *bias_of(const pare_call *call) {
  return pare_call_has(call, 1) ? pare_f32(call->in[1]) : NULL;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  const char *how = pare_node_string(call->node, "approximate", "none");
  if (strcmp(how, "none") != 0 && strcmp(how, "tanh") != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "approximate '%s' is neither none nor tanh", how);
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  if (!pare_call_has(call, 1)) return pare_op_infer_same(call);
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  const pare_shape *x = &call->in[0]->shape, *bias = &call->in[1]->shape;
  if (bias->rank != 1 || x->rank < 1 || bias->dims[0] != x->dims[x->rank - 1])
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the bias has not the length of the input's last axis");
  return pare_op_infer_same(call);
}

/* inner[n]: what goes into erf or tanh. */
static void inner_of(bool tanh_form, const float *x, float *inner, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    inner[i] = tanh_form ? 0.797884561f * (x[i] + 0.044715f * x[i] * x[i] * x[i]) : x[i] * 0.707106781f;
}

/* outer[n] = erf or tanh of it. */
static void outer_of(bool tanh_form, const float *x, float *outer, int64_t n) {
  inner_of(tanh_form, x, outer, n);
  if (tanh_form)
    pare_tanhf_n(outer, outer, n);
  else
    for (int64_t i = 0; i < n; i++) outer[i] = pare_erff(outer[i]);
}

/* x + bias, for elements [at, at + n). */
static void biased(const pare_call *call, int64_t at, int64_t n, float *to) {
  const float *x = pare_f32(call->in[0]) + at, *bias = bias_of(call);
  const int64_t period = bias ? call->in[1]->shape.dims[0] : 1;
  for (int64_t i = 0; i < n; i++) to[i] = bias ? x[i] + bias[(at + i) % period] : x[i];
}

static pare_status run(pare_call *call) {
  const int64_t count = pare_tensor_count(call->in[0]);
  const bool tanh_form = by_tanh(call);
  float x[ROW], outer[ROW];
  for (int64_t at = 0; at < count; at += ROW) {
    const int64_t n = count - at < ROW ? count - at : ROW;
    float *y = pare_f32(call->out[0]) + at;
    biased(call, at, n, x);
    outer_of(tanh_form, x, outer, n);
    for (int64_t i = 0; i < n; i++) y[i] = 0.5f * x[i] * (1.0f + outer[i]);
  }
  return PARE_OK;
}

/* dy/dx = (1 + outer) / 2 + x/2 outer' */
static float slope(bool tanh_form, float x, float outer) {
  const float by_inner = tanh_form ? (1.0f - outer * outer) * 0.797884561f * (1.0f + 0.134145f * x * x)
                                   : 0.797884561f * pare_expf(-0.5f * x * x);
  return 0.5f * (1.0f + outer) + 0.5f * x * by_inner;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (grad->d_out[0] == NULL) return PARE_OK;
  const int64_t count = pare_tensor_count(call->in[0]);
  const int64_t period = bias_of(call) ? call->in[1]->shape.dims[0] : 1;
  const bool tanh_form = by_tanh(call);
  float x[ROW], outer[ROW];
  for (int64_t at = 0; at < count; at += ROW) {
    const int64_t n = count - at < ROW ? count - at : ROW;
    biased(call, at, n, x);
    outer_of(tanh_form, x, outer, n);
    for (int64_t i = 0; i < n; i++) {
      const float d = slope(tanh_form, x[i], outer[i]) * pare_f32(grad->d_out[0])[at + i];
      if (pare_grad_wants(grad, 0)) pare_f32(grad->d_in[0])[at + i] += d;
      if (pare_grad_wants(grad, 1)) pare_f32(grad->d_in[1])[(at + i) % period] += d;
    }
  }
  return PARE_OK;
}

#define GELU(variable, onnx_name, onnx_domain, min_in_, max_in_)                                             \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = (onnx_domain),                                                                               \
      .min_in = (min_in_),                                                                                   \
      .max_in = (max_in_),                                                                                   \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer,                                                                                        \
      .run = run,                                                                                            \
      .backward = backward,                                                                                  \
      .couple = pare_couple_broadcast,                                                                       \
      .quant = PARE_QUANT_NONE,                                                                              \
      .in_place = true,                                                                                      \
  };
GELU(gelu, "Gelu", "", 1, 1)
GELU(ms_gelu, "Gelu", "com.microsoft", 1, 1)
GELU(fast_gelu, "FastGelu", "com.microsoft", 1, 2)
GELU(bias_gelu, "BiasGelu", "com.microsoft", 2, 2)
