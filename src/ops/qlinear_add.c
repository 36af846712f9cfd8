/* QLinearAdd: C = saturate(half_even((zero_c - (ra zero_a + rb zero_b)) + ra a + rb b)), ra = a_scale / c_scale, rb = b_scale / c_scale, in f32 and
 * in this order, as ONNX Runtime computes it on x86 (com.microsoft QLinearAdd, opset 1). Broadcasting as in numpy. Inputs A, A_scale,
 * A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point. */
#include <math.h>

#include "kernels/simd.h"
#include "ops/quantized.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C_SCALE, C_ZERO };

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, A));
  PARE_TRY(pare_q_need_8bit(call, B));
  const pare_dtype dtype = call->in[A]->dtype;
  if (call->in[B]->dtype != dtype)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the inputs have different types");
  PARE_TRY(pare_q_need_scale(call, A_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, A_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, B_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, B_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, C_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, C_ZERO, dtype, 0, true));
  pare_shape y;
  PARE_TRY(pare_op_broadcast(call, &call->in[A]->shape, &call->in[B]->shape, &y));
  return pare_op_set_out(call, 0, dtype, &y);
}

typedef struct sum {
  float ratio_a, ratio_b, fixed;
  float low, high;
  bool is_signed;
} sum;

static inline float value_at(const void *x, bool is_signed, int64_t i) {
  return is_signed ? (float)((const int8_t *)x)[i] : (float)((const uint8_t *)x)[i];
}

static void add_one(const sum *s, const void *a, int64_t ia, const void *b, int64_t ib, uint8_t *y) {
  float value = s->fixed + s->ratio_a * value_at(a, s->is_signed, ia);
  value = value + s->ratio_b * value_at(b, s->is_signed, ib);
  value = value > s->low ? value : s->low;
  value = value < s->high ? value : s->high;
  *y = (uint8_t)(int32_t)nearbyintf(value);
}

PARE_INLINE v128_t widen4(v128_t words, bool is_signed, bool high) {
  const v128_t wide = is_signed
                          ? (high ? wasm_i32x4_extend_high_i16x8(words) : wasm_i32x4_extend_low_i16x8(words))
                          : (high ? wasm_u32x4_extend_high_u16x8(words) : wasm_u32x4_extend_low_u16x8(words));
  return wasm_f32x4_convert_i32x4(wide);
}

/* Rounds as requant_half_even_simd128.c does. */
PARE_INLINE v128_t add4(const sum *s, v128_t a, v128_t b) {
  v128_t value = wasm_f32x4_add(wasm_f32x4_splat(s->fixed), wasm_f32x4_mul(wasm_f32x4_splat(s->ratio_a), a));
  value = wasm_f32x4_add(value, wasm_f32x4_mul(wasm_f32x4_splat(s->ratio_b), b));
  value = wasm_f32x4_pmin(wasm_f32x4_splat(s->high), wasm_f32x4_pmax(wasm_f32x4_splat(s->low), value));
  return wasm_i32x4_sub(wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)), wasm_i32x4_splat(0x4b400000));
}

static void add_run(const sum *s, const uint8_t *a, const uint8_t *b, int64_t n, uint8_t *y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t va = s->is_signed ? wasm_i16x8_load8x8(a + i) : wasm_u16x8_load8x8(a + i);
    const v128_t vb = s->is_signed ? wasm_i16x8_load8x8(b + i) : wasm_u16x8_load8x8(b + i);
    const v128_t low = add4(s, widen4(va, s->is_signed, false), widen4(vb, s->is_signed, false));
    const v128_t high = add4(s, widen4(va, s->is_signed, true), widen4(vb, s->is_signed, true));
    const v128_t words = wasm_i16x8_narrow_i32x4(low, high);
    const v128_t bytes =
        s->is_signed ? wasm_i8x16_narrow_i16x8(words, words) : wasm_u8x16_narrow_i16x8(words, words);
    wasm_v128_store64_lane(y + i, bytes, 0);
  }
  for (; i < n; i++) add_one(s, a, i, b, i, y + i);
}

/* Elements per index of the output's axes; 0 where the input is repeated. */
static void steps_of(const pare_shape *in, const pare_shape *out, int64_t *step) {
  int64_t size = 1;
  for (int i = 1; i <= out->rank; i++) {
    const int64_t length = i <= in->rank ? in->dims[in->rank - i] : 1;
    step[out->rank - i] = length == 1 ? 0 : size;
    size *= length;
  }
}

static void add_broadcast(const sum *s, const pare_call *call) {
  const pare_shape *y = &call->out[0]->shape;
  const int64_t n = pare_shape_count(y);
  int64_t a_step[PARE_MAX_RANK] = {0}, b_step[PARE_MAX_RANK] = {0};
  steps_of(&call->in[A]->shape, y, a_step);
  steps_of(&call->in[B]->shape, y, b_step);
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = i, ia = 0, ib = 0;
    for (int d = y->rank - 1; d >= 0; d--) {
      ia += rest % y->dims[d] * a_step[d];
      ib += rest % y->dims[d] * b_step[d];
      rest /= y->dims[d];
    }
    add_one(s, call->in[A]->data, ia, call->in[B]->data, ib, pare_u8(call->out[0]) + i);
  }
}

static pare_status run(pare_call *call) {
  const float c_scale = pare_q_scale(call, C_SCALE, 0);
  const int32_t zero = pare_q_zero(call, C_ZERO, 0);
  sum s = {.ratio_a = pare_q_scale(call, A_SCALE, 0) / c_scale,
           .ratio_b = pare_q_scale(call, B_SCALE, 0) / c_scale};
  s.is_signed = call->in[A]->dtype == PARE_S8;
  const float of_a = s.ratio_a * (float)pare_q_zero(call, A_ZERO, 0);
  const float of_b = s.ratio_b * (float)pare_q_zero(call, B_ZERO, 0);
  s.fixed = (float)zero - (of_a + of_b);
  int32_t low, high;
  pare_q_bounds(call->node, call->in[A]->dtype, c_scale, zero, &low, &high);
  s.low = (float)low;
  s.high = (float)high;
  if (pare_shape_equal(&call->in[A]->shape, &call->in[B]->shape))
    add_run(&s, call->in[A]->data, call->in[B]->data, pare_tensor_count(call->out[0]), pare_u8(call->out[0]));
  else
    add_broadcast(&s, call);
  return PARE_OK;
}

const pare_op pare_op_qlinear_add = {
    .name = "QLinearAdd",
    .domain = "com.microsoft",
    .min_in = 7,
    .max_in = 8,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_ANY,
};
