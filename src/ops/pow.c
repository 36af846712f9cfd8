/* Pow: y = a ^ b with numpy broadcasting; the output has a's type, b may have another (ONNX Pow, opset
 * 15). Exponents 2 and 0.5 of f32 are a multiplication and a square root; the rest goes through pare_pow
 * in double. */
#include "ops/elementwise.h"

#include <math.h>

#include "kernels/f32_math/f32_math.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  PARE_TRY(pare_wide_need_number(call, 1));
  pare_shape shape;
  PARE_TRY(pare_op_broadcast(call, &call->in[0]->shape, &call->in[1]->shape, &shape));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &shape);
}

/* The rules of C's pow for what pare_pow leaves out: bases that are not positive. */
static double power(double a, double b) {
  if (b == 0.0 || a == 1.0) return 1.0;
  if (a != a || b != b) return (double)NAN;
  const bool whole = floor(b) == b, odd = whole && fabs(b) < 9007199254740992.0 && floor(b / 2) * 2 != b;
  if (a == 0.0) return b > 0 ? (odd ? a : 0.0) : (double)INFINITY;
  if (a < 0.0 && !whole) return (double)NAN;
  const double size = pare_pow(fabs(a), b);
  return a < 0.0 && odd ? -size : size;
}

/* Integers stay exact: squaring, wrapping. */
static int64_t power_s64(int64_t a, int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
  uint64_t base = (uint64_t)a, result = 1;
  for (; b > 0; b >>= 1, base *= base)
    if (b & 1) result *= base;
  return (int64_t)result;
}

static void power_at(const pare_call *call, int64_t o, int64_t i, int64_t j) {
  const pare_tensor *a = call->in[0], *b = call->in[1];
  if (pare_wide_is_float(a->dtype)) {
    pare_tensor_set_f64(call->out[0], o, power(pare_tensor_get_f64(a, i), pare_tensor_get_f64(b, j)));
  } else if (!pare_wide_is_float(b->dtype)) {
    pare_wide_set_s64(call->out[0], o, power_s64(pare_tensor_get_s64(a, i), pare_tensor_get_s64(b, j)));
  } else {
    const double y = power(pare_tensor_get_f64(a, i), pare_tensor_get_f64(b, j));
    const double bound = 9.2e18; /* beyond it, and for NaN, C leaves the conversion open */
    pare_wide_set_s64(call->out[0], o,
                      y != y       ? 0
                      : y > bound  ? INT64_MAX
                      : y < -bound ? INT64_MIN
                                   : (int64_t)y);
  }
}

static bool run_common(pare_call *call) {
  if (call->in[0]->dtype != PARE_F32 || pare_tensor_count(call->in[1]) != 1) return false;
  const double b = pare_tensor_get_f64(call->in[1], 0);
  const float *x = pare_f32(call->in[0]);
  float *y = pare_f32(call->out[0]);
  const int64_t n = pare_tensor_count(call->in[0]);
  if (b != 2.0 && b != 0.5) return false;
  if (b == 2.0) {
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = x[i] * x[i];
  } else {
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = sqrtf(x[i]);
  }
  return true;
}

static pare_status run(pare_call *call) {
  if (run_common(call)) return PARE_OK;
  const pare_shape *const shapes[] = {&call->out[0]->shape, &call->in[0]->shape, &call->in[1]->shape};
  pare_loop loop;
  pare_loop_broadcast(&loop, shapes[0], shapes, 3);
  const int64_t n = pare_loop_run(&loop), a_step = pare_loop_step(&loop, 1),
                b_step = pare_loop_step(&loop, 2);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < n; i++)
      power_at(call, loop.at[0] + i, loop.at[1] + i * a_step, loop.at[2] + i * b_step);
  return PARE_OK;
}

static float by_base(float a, float b) {
  return b == 0.0f ? 0.0f : b * (float)power(a, (double)b - 1.0);
}
static float by_exponent(float a, float b) {
  return a > 0.0f ? (float)(power(a, b) * pare_log(a)) : 0.0f;
}
PARE_BINARY_GRAD(gradient, gi *by_base(x1, x2), gi *by_exponent(x1, x2))

static pare_status backward(pare_grad_call *grad) {
  if (grad->call->in[1]->dtype != PARE_F32)
    return pare_fail(grad->call->ctx, PARE_UNSUPPORTED, "the gradient of a power wants an f32 exponent");
  return pare_binary_backward(grad, gradient);
}

const pare_op pare_op_pow = {
    .name = "Pow",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
