/* DynamicQuantizeLinear: f32 to u8 with the scale and zero point of the tensor's own range, zero included (ONNX DynamicQuantizeLinear,
 * opset 11; an all-zero tensor gets scale 1, as in ONNX Runtime). */
#include <math.h>

#include "kernels/simd.h"
#include "ops/dynamic_quantize.h"
#include "ops/quantized.h"

void pare_dynamic_scale_u8(const float *x, int64_t n, float *scale, uint8_t *zero) {
  v128_t low = wasm_f32x4_splat(0.0f), high = low;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const v128_t v = wasm_v128_load(x + i);
    low = wasm_f32x4_pmin(low, v); /* v < low ? v : low */
    high = wasm_f32x4_pmax(high, v);
  }
  float lows[4], highs[4];
  wasm_v128_store(lows, low);
  wasm_v128_store(highs, high);
  float least = 0.0f, most = 0.0f;
  for (int j = 0; j < 4; j++) {
    least = lows[j] < least ? lows[j] : least;
    most = highs[j] > most ? highs[j] : most;
  }
  for (; i < n; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  *scale = most == least ? 1.0f : (most - least) / 255.0f;
  float place = 0.0f - least / *scale;
  place = place > 0.0f ? place : 0.0f;
  *zero = (uint8_t)nearbyintf(place < 255.0f ? place : 255.0f);
}

void pare_dynamic_quantize_u8(const float *x, int64_t n, float *scale, uint8_t *zero, uint8_t *y) {
  pare_dynamic_scale_u8(x, n, scale, zero);
  const pare_requant_args args = {.x = x, .n = n, .scale = *scale, .zero_point = *zero, .high = 255, .y = y};
  pare_requant_select()->quantize(&args);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  const pare_shape scalar = {0};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_set_out(call, 0, PARE_U8, &call->in[0]->shape));
  PARE_TRY(pare_op_set_out(call, 1, PARE_F32, &scalar));
  return pare_op_set_out(call, 2, PARE_U8, &scalar);
}

static pare_status run(pare_call *call) {
  float scale;
  uint8_t zero;
  const pare_tensor *x = call->in[0];
  pare_dynamic_quantize_u8(pare_f32(x), pare_tensor_count(x), &scale, &zero, pare_u8(call->out[0]));
  if (call->n_out > 1 && call->out[1]) *pare_f32(call->out[1]) = scale;
  if (call->n_out > 2 && call->out[2]) *pare_u8(call->out[2]) = zero;
  return PARE_OK;
}

const pare_op pare_op_dynamic_quantize_linear = {
    .name = "DynamicQuantizeLinear",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 3,
    .infer = infer,
    .run = run,
    .no_gradient = "rounding has no gradient",
};
