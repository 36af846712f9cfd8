/* QLinearMul: C = saturate(half_even((float)((a - zero_a) (b - zero_b)) r + zero_c)), r = a_scale b_scale / c_scale, in f32 and in this order, as ONNX
 * Runtime computes it on x86 (com.microsoft QLinearMul, opset 1). Broadcasting as in numpy. Inputs A, A_scale, A_zero_point, B, B_scale,
 * B_zero_point, C_scale, C_zero_point. */
#include <math.h>

#include "kernels/simd.h"
#include "ops/loop.h"
#include "ops/quantized.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C_SCALE, C_ZERO };

typedef struct product {
  int16_t zero_a, zero_b;
  float ratio, zero, low, high;
  bool is_signed;
} product;

static inline int32_t value_at(const uint8_t *x, bool is_signed, int64_t i) {
  return is_signed ? ((const int8_t *)x)[i] : x[i];
}

static uint8_t multiply_one(const product *p, int32_t a, int32_t b) {
  float value = (float)((a - p->zero_a) * (b - p->zero_b)) * p->ratio + p->zero;
  value = value > p->low ? value : p->low;
  value = value < p->high ? value : p->high;
  return (uint8_t)(int32_t)nearbyintf(value);
}

/* Rounds as requant_half_even_simd128.c does. */
PARE_INLINE v128_t finish4(const product *p, v128_t ab) {
  v128_t value = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(ab), wasm_f32x4_splat(p->ratio));
  value = wasm_f32x4_add(value, wasm_f32x4_splat(p->zero));
  value = wasm_f32x4_pmin(wasm_f32x4_splat(p->high), wasm_f32x4_pmax(wasm_f32x4_splat(p->low), value));
  return wasm_i32x4_sub(wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)), wasm_i32x4_splat(0x4b400000));
}

PARE_INLINE v128_t load8(const uint8_t *x, int64_t step, bool is_signed, int16_t zero) {
  v128_t words;
  if (step == 0)
    words = wasm_i16x8_splat((int16_t)value_at(x, is_signed, 0));
  else
    words = is_signed ? wasm_i16x8_load8x8(x) : wasm_u16x8_load8x8(x);
  return wasm_i16x8_sub(words, wasm_i16x8_splat(zero));
}

/* y[i] from a[i * a_step], b[i * b_step]; steps are 0 or 1. */
static void multiply(const product *p, const uint8_t *a, int64_t a_step, const uint8_t *b, int64_t b_step,
                     int64_t n, uint8_t *y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t va = load8(a + i * a_step, a_step, p->is_signed, p->zero_a);
    const v128_t vb = load8(b + i * b_step, b_step, p->is_signed, p->zero_b);
    const v128_t low = finish4(p, wasm_i32x4_extmul_low_i16x8(va, vb));
    const v128_t high = finish4(p, wasm_i32x4_extmul_high_i16x8(va, vb));
    const v128_t words = wasm_i16x8_narrow_i32x4(low, high);
    const v128_t bytes =
        p->is_signed ? wasm_i8x16_narrow_i16x8(words, words) : wasm_u8x16_narrow_i16x8(words, words);
    wasm_v128_store64_lane(y + i, bytes, 0);
  }
  for (; i < n; i++)
    y[i] = multiply_one(p, value_at(a, p->is_signed, i * a_step), value_at(b, p->is_signed, i * b_step));
}

static pare_status run(pare_call *call) {
  const float c_scale = pare_q_scale(call, C_SCALE, 0);
  const int32_t zero = pare_q_zero(call, C_ZERO, 0);
  product p = {.zero_a = (int16_t)pare_q_zero(call, A_ZERO, 0),
               .zero_b = (int16_t)pare_q_zero(call, B_ZERO, 0),
               .ratio = pare_q_scale(call, A_SCALE, 0) * pare_q_scale(call, B_SCALE, 0) / c_scale,
               .zero = (float)zero,
               .is_signed = call->in[A]->dtype == PARE_S8};
  int32_t low, high;
  pare_q_bounds(call->node, call->in[A]->dtype, c_scale, zero, &low, &high);
  p.low = (float)low;
  p.high = (float)high;
  const pare_shape *const shapes[] = {&call->out[0]->shape, &call->in[A]->shape, &call->in[B]->shape};
  pare_loop loop;
  pare_loop_broadcast(&loop, shapes[0], shapes, 3);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    multiply(&p, pare_u8(call->in[A]) + loop.at[1], pare_loop_step(&loop, 1),
             pare_u8(call->in[B]) + loop.at[2], pare_loop_step(&loop, 2), pare_loop_run(&loop),
             pare_u8(call->out[0]) + loop.at[0]);
  return PARE_OK;
}

const pare_op pare_op_qlinear_mul = {
    .name = "QLinearMul",
    .domain = "com.microsoft",
    .min_in = 7,
    .max_in = 8,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_q_binary_infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_ANY,
};
