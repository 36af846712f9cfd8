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

/* Eight channels from `n` on of a sink that `end` was begun for. */
PARE_INLINE void pare_q8_ending_move(pare_q8_ending *end, const pare_q8_sink *sink, int64_t n,
                                     int64_t n_all) {
  const float *scale = sink->y ? sink->scale + n : (const float *)(const void *)(sink->bias + n);
  PARE_Q8_UNROLL for (int i = 0; i < 2; i++) {
    end->bias[i] = wasm_v128_load(sink->bias + n + 4 * i);
    end->scale[i] = wasm_v128_load(scale + 4 * i);
  }
  end->y = sink->y ? sink->y + n : NULL;
  end->sums = sink->y ? NULL : sink->sums + n;
  end->count = n_all - n;
  end->behind = n_all - n >= 8 ? 0 : n == 0 && sink->row == n_all ? 7 / n_all : INT32_MAX;
}

/* Two functions that are the same in every file: of those a module keeps one. */
static __attribute__((noinline)) pare_q8_ending pare_q8_ending_at(const pare_q8_sink *sink, int64_t n,
                                                                  int64_t n_all) {
  /* signed numbers become bytes as unsigned ones, 128 higher */
  const int32_t flip = sink->is_signed ? 0x80 : 0, zero = sink->zero_point + flip;
  pare_q8_ending end = {
      .low = wasm_f32x4_splat(sink->low),
      .high = wasm_f32x4_splat(sink->high),
      .offset = wasm_i32x4_splat(0x4b400000 - zero),
      .least = wasm_i8x16_splat((int8_t)((int32_t)sink->low + zero)),
      .most = wasm_i8x16_splat((int8_t)((int32_t)sink->high + zero)),
      .flip = wasm_i8x16_splat((int8_t)flip),
      .row = sink->row,
      .bounded = sink->bounded,
  };
  pare_q8_ending_move(&end, sink, n, n_all);
  return end;
}

PARE_INLINE v128_t pare_q8_scaled(const pare_q8_ending *end, v128_t acc, int i) {
  return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(acc), end->scale[i]);
}

PARE_INLINE v128_t pare_q8_rounded(const pare_q8_ending *end, v128_t value) {
  return wasm_i32x4_sub(wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)), end->offset); /* 0x4b400000 */
}

/* Bounded sums that began with the bias, still to be clamped. */
PARE_INLINE v128_t pare_q8_begun_words(const pare_q8_ending *end, const v128_t acc[2]) {
  return wasm_i16x8_narrow_i32x4(pare_q8_rounded(end, pare_q8_scaled(end, acc[0], 0)),
                                 pare_q8_rounded(end, pare_q8_scaled(end, acc[1], 1)));
}

PARE_INLINE v128_t pare_q8_words(const pare_q8_ending *end, const v128_t acc[2]) {
  const v128_t begun[2] = {wasm_i32x4_add(acc[0], end->bias[0]), wasm_i32x4_add(acc[1], end->bias[1])};
  return pare_q8_begun_words(end, begun);
}

PARE_INLINE v128_t pare_q8_bytes(const pare_q8_ending *end, v128_t words, v128_t next) {
  v128_t bytes = wasm_u8x16_narrow_i16x8(words, next);
  bytes = wasm_u8x16_min(wasm_u8x16_max(bytes, end->least), end->most);
  return wasm_v128_xor(bytes, end->flip);
}

/* pmax(a, b) is a < b ? b : a, so a NaN in b leaves the bound. */
PARE_INLINE v128_t pare_q8_clamped(const pare_q8_ending *end, v128_t acc, int i) {
  const v128_t value = wasm_f32x4_pmax(end->low, pare_q8_scaled(end, wasm_i32x4_add(acc, end->bias[i]), i));
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

/* `places` places from m on (a constant), of which `n` count; `begun`: `sum` began with the bias, not with zero (a constant). */
PARE_INLINE void pare_q8_end8(const pare_q8_ending *end, int64_t m, int64_t n, const v128_t (*sum)[2],
                              const int places, const bool begun) {
  v128_t each[8][2]; /* in memory, so that `sum` need not be */
  if (!end->y || !end->bounded || n < places + end->behind) {
    PARE_Q8_UNROLL for (int i = 0; i < places; i++) PARE_Q8_UNROLL for (int j = 0; j < 2; j++) each[i][j] =
        begun ? wasm_i32x4_sub(sum[i][j], end->bias[j]) : sum[i][j];
    pare_q8_store_each(end, m, n < places ? n : places, each);
    return;
  }
  uint8_t *y = end->y + m * end->row;
  PARE_Q8_UNROLL for (int i = 0; i < places; i += 2, y += 2 * end->row) {
    v128_t words[2];
    PARE_Q8_UNROLL for (int j = 0; j < 2; j++) {
      const v128_t *one = sum[i + j < places ? i + j : i];
      words[j] = begun ? pare_q8_begun_words(end, one) : pare_q8_words(end, one);
    }
    const v128_t bytes = pare_q8_bytes(end, words[0], words[1]);
    wasm_v128_store64_lane(y, bytes, 0);
    if (i + 1 < places) wasm_v128_store64_lane(y + end->row, bytes, 1);
  }
}

PARE_INLINE void pare_q8_store8(const pare_q8_ending *end, int64_t m, int64_t n, const v128_t (*sum)[2],
                                const int places) {
  pare_q8_end8(end, m, n, sum, places, false);
}

#endif
