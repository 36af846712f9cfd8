/* q8_sink.h in Wasm SIMD: eight sums become eight bytes. Rounding is the addition of 1.5 * 2^23, as in requant_half_even_simd128.c. */
#ifndef PARE_Q8_SINK_SIMD128_H
#define PARE_Q8_SINK_SIMD128_H

#include <string.h>

#include "kernels/q8_gemm/q8_sink.h"
#include "kernels/simd.h"

/* pmax(a, b) is a < b ? b : a, so a NaN in b leaves the bound. */
PARE_INLINE v128_t pare_q8_round4(const pare_q8_sink *sink, v128_t acc, int64_t n) {
  v128_t value = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(acc), wasm_v128_load(sink->scale + n));
  value = wasm_f32x4_pmax(wasm_f32x4_splat(sink->low), value);
  value = wasm_f32x4_pmin(wasm_f32x4_splat(sink->high), value);
  return wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)); /* 0x4b400000 */
}

/* Sums [m, n .. n + 8), of which `count` count. */
PARE_INLINE void pare_q8_store8(const pare_q8_sink *sink, int64_t m, int64_t n, int64_t count, v128_t first,
                                v128_t second) {
  first = wasm_i32x4_add(first, wasm_v128_load(sink->bias + n));
  second = wasm_i32x4_add(second, wasm_v128_load(sink->bias + n + 4));
  if (!sink->y) {
    int32_t sums[8];
    wasm_v128_store(sums, first);
    wasm_v128_store(sums + 4, second);
    memcpy(sink->sums + m * sink->row + n, sums, (size_t)(count < 8 ? count : 8) * sizeof *sums);
    return;
  }
  /* the numbers' last 16 bits are the integers; signed ones become bytes as unsigned ones, 128 higher */
  const int flip = sink->is_signed ? 0x80 : 0;
  const v128_t offset = wasm_i32x4_splat(0x4b400000 - sink->zero_point - flip);
  const v128_t words = wasm_i16x8_narrow_i32x4(wasm_i32x4_sub(pare_q8_round4(sink, first, n), offset),
                                               wasm_i32x4_sub(pare_q8_round4(sink, second, n + 4), offset));
  const v128_t bytes = wasm_v128_xor(wasm_u8x16_narrow_i16x8(words, words), wasm_i8x16_splat((int8_t)flip));
  uint8_t *y = sink->y + m * sink->row + n;
  if (count >= 8) {
    wasm_v128_store64_lane(y, bytes, 0);
    return;
  }
  uint8_t part[16];
  wasm_v128_store(part, bytes);
  for (int64_t i = 0; i < count; i++) y[i] = part[i];
}

#endif
