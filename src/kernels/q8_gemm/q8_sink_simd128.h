/* q8_sink.h in Wasm SIMD: eight sums of a place become eight bytes. Rounding is the addition of 1.5 * 2^23, as in
 * requant_half_even_simd128.c. */
#ifndef PARE_Q8_SINK_SIMD128_H
#define PARE_Q8_SINK_SIMD128_H

#include <string.h>

#include "kernels/q8_gemm/q8_sink.h"
#include "kernels/simd.h"

/* A sink for eight channels from `n` on, as values: the compiler cannot know that a store to y leaves the sink as it is. */
typedef struct pare_q8_ending {
  v128_t bias[2], scale[2], low, high, offset;
  v128_t least, most, flip; /* of bytes */
  uint8_t *y;               /* of place 0, at channel n; NULL: sums */
  int32_t *sums;            /* the same */
  int64_t row, count;
  /* Places that must follow those that are stored whole: where fewer than eight channels are all that there are, these write over what is too
   * much; where there are others, there never are so many places. */
  int64_t behind;
  bool bounded;
} pare_q8_ending;

PARE_INLINE pare_q8_ending pare_q8_ending_at(const pare_q8_sink *sink, int64_t n, int64_t n_all) {
  /* signed numbers become bytes as unsigned ones, 128 higher */
  const int32_t flip = sink->is_signed ? 0x80 : 0, zero = sink->zero_point + flip;
  const float *scale = sink->y ? sink->scale + n : (const float *)(const void *)(sink->bias + n);
  return (pare_q8_ending){
      .bias = {wasm_v128_load(sink->bias + n), wasm_v128_load(sink->bias + n + 4)},
      .scale = {wasm_v128_load(scale), wasm_v128_load(scale + 4)},
      .low = wasm_f32x4_splat(sink->low),
      .high = wasm_f32x4_splat(sink->high),
      .offset = wasm_i32x4_splat(0x4b400000 - zero),
      .least = wasm_i8x16_splat((int8_t)((int32_t)sink->low + zero)),
      .most = wasm_i8x16_splat((int8_t)((int32_t)sink->high + zero)),
      .flip = wasm_i8x16_splat((int8_t)flip),
      .y = sink->y ? sink->y + n : NULL,
      .sums = sink->y ? NULL : sink->sums + n,
      .row = sink->row,
      .count = n_all - n,
      .behind = n_all - n >= 8                 ? 0
                : n == 0 && sink->row == n_all ? 7 / n_all
                                               : INT32_MAX,
      .bounded = sink->bounded,
  };
}

PARE_INLINE v128_t pare_q8_scaled(const pare_q8_ending *end, v128_t acc, int i) {
  return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(wasm_i32x4_add(acc, end->bias[i])), end->scale[i]);
}

PARE_INLINE v128_t pare_q8_rounded(const pare_q8_ending *end, v128_t value) {
  return wasm_i32x4_sub(wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)), end->offset); /* 0x4b400000 */
}

/* Bounded sums, still to be clamped. */
PARE_INLINE v128_t pare_q8_words(const pare_q8_ending *end, const v128_t acc[2]) {
  return wasm_i16x8_narrow_i32x4(pare_q8_rounded(end, pare_q8_scaled(end, acc[0], 0)),
                                 pare_q8_rounded(end, pare_q8_scaled(end, acc[1], 1)));
}

PARE_INLINE v128_t pare_q8_bytes(const pare_q8_ending *end, v128_t words, v128_t next) {
  v128_t bytes = wasm_u8x16_narrow_i16x8(words, next);
  bytes = wasm_u8x16_min(wasm_u8x16_max(bytes, end->least), end->most);
  return wasm_v128_xor(bytes, end->flip);
}

/* pmax(a, b) is a < b ? b : a, so a NaN in b leaves the bound. */
PARE_INLINE v128_t pare_q8_clamped(const pare_q8_ending *end, v128_t acc, int i) {
  const v128_t value = wasm_f32x4_pmax(end->low, pare_q8_scaled(end, acc, i));
  return pare_q8_rounded(end, wasm_f32x4_pmin(end->high, value));
}

/* `n` places from m on, one by one: whole, partial, or sums. One function for all tiles of a file, so that each stays small. */
static __attribute__((noinline)) void pare_q8_store_each(const pare_q8_ending *end, int64_t m, int64_t n,
                                                         const v128_t (*sum)[2]) {
  const size_t count = (size_t)(end->count < 8 ? end->count : 8);
  for (int64_t i = 0; i < n; i++) {
    const int64_t at = (m + i) * end->row;
    if (!end->y) {
      const v128_t acc[2] = {wasm_i32x4_add(sum[i][0], end->bias[0]),
                             wasm_i32x4_add(sum[i][1], end->bias[1])};
      if (count < 8) {
        memcpy(end->sums + at, acc, count * sizeof(int32_t));
        continue;
      }
      wasm_v128_store(end->sums + at, acc[0]);
      wasm_v128_store(end->sums + at + 4, acc[1]);
      continue;
    }
    const v128_t words = end->bounded ? pare_q8_words(end, sum[i])
                                      : wasm_i16x8_narrow_i32x4(pare_q8_clamped(end, sum[i][0], 0),
                                                                pare_q8_clamped(end, sum[i][1], 1));
    const v128_t bytes = pare_q8_bytes(end, words, words);
    if (count == 8)
      wasm_v128_store64_lane(end->y + at, bytes, 0);
    else
      pare_store_few(end->y + at, bytes, count);
  }
}

PARE_INLINE void pare_q8_store1x8(const pare_q8_ending *end, int64_t m, v128_t first, v128_t second) {
  const v128_t sum[1][2] = {{first, second}};
  pare_q8_store_each(end, m, 1, sum);
}

/* `places` places from m on (a constant), of which `n` count. */
PARE_INLINE void pare_q8_store8(const pare_q8_ending *end, int64_t m, int64_t n, const v128_t (*sum)[2],
                                const int places) {
  if (!end->y || !end->bounded || n < places + end->behind) {
    v128_t all[8][2]; /* in memory, so that `sum` need not be */
    PARE_Q8_UNROLL for (int i = 0; i < places; i++) all[i][0] = sum[i][0], all[i][1] = sum[i][1];
    pare_q8_store_each(end, m, n < places ? n : places, all);
    return;
  }
  uint8_t *y = end->y + m * end->row;
  int i = 0;
  PARE_Q8_UNROLL for (; i + 2 <= places; i += 2, y += 2 * end->row) {
    const v128_t bytes = pare_q8_bytes(end, pare_q8_words(end, sum[i]), pare_q8_words(end, sum[i + 1]));
    wasm_v128_store64_lane(y, bytes, 0);
    wasm_v128_store64_lane(y + end->row, bytes, 1);
  }
  if (i < places) {
    const v128_t words = pare_q8_words(end, sum[i]);
    wasm_v128_store64_lane(y, pare_q8_bytes(end, words, words), 0);
  }
}

#endif
