/* requant.h in Wasm SIMD. Rounding is the addition of 1.5 * 2^23: the clamped value is within +-511, so the sum's last bits are the integer,
 * rounded half to even by the addition itself. */
#include <math.h>
#include <string.h>

#include "kernels/requant/requant.h"
#include "kernels/simd.h"

void pare_requantize__half_even_simd128(const pare_requant_args *args);
void pare_quantize__half_even_simd128(const pare_requant_args *args);

typedef struct bounds {
  v128_t low, high, magic, bias;
} bounds;

PARE_INLINE bounds bounds_of(const pare_requant_args *args) {
  const float magic = 12582912.0f; /* 0x4b400000 */
  return (bounds){wasm_f32x4_splat((float)(args->low - args->zero_point)),
                  wasm_f32x4_splat((float)(args->high - args->zero_point)), wasm_f32x4_splat(magic),
                  wasm_i32x4_splat(0x4b400000 - args->zero_point)};
}

/* pmax(a, b) is a < b ? b : a, so a NaN in b leaves the bound. */
PARE_INLINE v128_t round4(v128_t value, const bounds *b) {
  value = wasm_f32x4_pmin(b->high, wasm_f32x4_pmax(b->low, value));
  return wasm_i32x4_sub(wasm_f32x4_add(value, b->magic), b->bias);
}

PARE_INLINE void store8(v128_t first, v128_t second, bool is_signed, void *to) {
  const v128_t words = wasm_i16x8_narrow_i32x4(first, second);
  const v128_t bytes =
      is_signed ? wasm_i8x16_narrow_i16x8(words, words) : wasm_u8x16_narrow_i16x8(words, words);
  wasm_v128_store64_lane(to, bytes, 0);
}

/* Fewer than eight elements, in buffers of eight. */
static void few(const pare_requant_args *args, void (*whole)(const pare_requant_args *)) {
  const size_t n = (size_t)args->n;
  int32_t acc[8] = {0}, biases[8] = {0};
  float x[8] = {0}, scales[8] = {0};
  uint8_t y[8];
  pare_requant_args part = *args;
  if (args->acc) memcpy(acc, args->acc, n * sizeof *acc);
  if (args->x) memcpy(x, args->x, n * sizeof *x);
  if (args->scales) memcpy(scales, args->scales, n * sizeof *scales);
  if (args->biases) memcpy(biases, args->biases, n * sizeof *biases);
  part.acc = acc;
  part.biases = args->biases ? biases : NULL;
  part.x = x;
  part.scales = args->scales ? scales : NULL;
  part.y = y;
  part.n = 8;
  whole(&part);
  memcpy(args->y, y, n);
}

void pare_requantize__half_even_simd128(const pare_requant_args *args) {
  if (args->n < 8) {
    if (args->n > 0) few(args, pare_requantize__half_even_simd128);
    return;
  }
  const bounds b = bounds_of(args);
  v128_t first = wasm_f32x4_splat(args->scale), second = first;
  v128_t bias = wasm_i32x4_splat(args->bias), bias_2 = bias;
  for (int64_t i = 0; i < args->n; i += 8) {
    if (i > args->n - 8) i = args->n - 8; /* the last eight, some of them again */
    if (args->scales) {
      first = wasm_v128_load(args->scales + i);
      second = wasm_v128_load(args->scales + i + 4);
    }
    if (args->biases) {
      bias = wasm_v128_load(args->biases + i);
      bias_2 = wasm_v128_load(args->biases + i + 4);
    }
    v128_t u = wasm_i32x4_add(wasm_v128_load(args->acc + i), bias);
    v128_t v = wasm_i32x4_add(wasm_v128_load(args->acc + i + 4), bias_2);
    u = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(u), first);
    v = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(v), second);
    store8(round4(u, &b), round4(v, &b), args->is_signed, (uint8_t *)args->y + i);
  }
}

void pare_quantize__half_even_simd128(const pare_requant_args *args) {
  if (args->n < 8) {
    if (args->n > 0) few(args, pare_quantize__half_even_simd128);
    return;
  }
  const bounds b = bounds_of(args);
  const v128_t scale = wasm_f32x4_splat(args->scale);
  for (int64_t i = 0; i < args->n; i += 8) {
    if (i > args->n - 8) i = args->n - 8; /* the last eight, some of them again */
    const v128_t u = wasm_f32x4_div(wasm_v128_load(args->x + i), scale);
    const v128_t v = wasm_f32x4_div(wasm_v128_load(args->x + i + 4), scale);
    store8(round4(u, &b), round4(v, &b), args->is_signed, (uint8_t *)args->y + i);
  }
}
