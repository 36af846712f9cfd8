/* q8_sink.h with AVX-512: sixteen sums, or eight, become as many bytes. */
#ifndef PARE_Q8_SINK_AVX512_H
#define PARE_Q8_SINK_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "kernels/q8_gemm/q8_sink.h"

/* The first `n` bytes, n < 16: storing bytes by a mask is slow on some processors. */
static inline void pare_q8_store_few(uint8_t *y, __m128i bytes, int64_t n) {
  uint64_t rest = (uint64_t)_mm_cvtsi128_si64(bytes);
  if (n & 8) {
    memcpy(y, &rest, 8);
    rest = (uint64_t)_mm_extract_epi64(bytes, 1);
    y += 8;
  }
  if (n & 4) {
    memcpy(y, &rest, 4);
    rest >>= 32;
    y += 4;
  }
  if (n & 2) {
    memcpy(y, &rest, 2);
    rest >>= 16;
    y += 2;
  }
  if (n & 1) *y = (uint8_t)rest;
}

/* Sums [m, n .. n + 16), of which `count` count. max(value, low) gives `low` for a NaN. */
static inline __attribute__((always_inline)) void pare_q8_store16(const pare_q8_sink *sink, int64_t m,
                                                                  int64_t n, int64_t count, __m512i acc) {
  acc = _mm512_add_epi32(acc, _mm512_loadu_si512(sink->bias + n));
  if (!sink->y) {
    const __mmask16 mask = (__mmask16)(count >= 16 ? 0xffff : (1u << count) - 1u);
    _mm512_mask_storeu_epi32(sink->sums + m * sink->row + n, mask, acc);
    return;
  }
  __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(sink->scale + n));
  value = _mm512_max_ps(value, _mm512_set1_ps(sink->low));
  value = _mm512_min_ps(value, _mm512_set1_ps(sink->high));
  acc = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(acc, _mm512_set1_epi32(sink->zero_point)));
  uint8_t *y = sink->y + m * sink->row + n;
  if (count >= 16)
    _mm_storeu_si128((__m128i *)(void *)y, bytes);
  else
    pare_q8_store_few(y, bytes, count);
}

/* A sink for up to eight channels from `n` on, as values: the compiler cannot know that a store to y leaves the sink as it is. */
typedef struct pare_q8_half {
  __m256i bias, zero;
  __m256 scale, low, high;
  uint8_t *y; /* of place 0, at channel n; NULL: sums */
  int32_t *sums;
  int64_t row, count;
} pare_q8_half;

static inline pare_q8_half pare_q8_half_at(const pare_q8_sink *sink, int64_t n, int64_t count) {
  return (pare_q8_half){.bias = _mm256_loadu_si256((const __m256i *)(const void *)(sink->bias + n)),
                        .zero = _mm256_set1_epi32(sink->zero_point),
                        .scale = sink->y ? _mm256_loadu_ps(sink->scale + n) : _mm256_setzero_ps(),
                        .low = _mm256_set1_ps(sink->low),
                        .high = _mm256_set1_ps(sink->high),
                        .y = sink->y ? sink->y + n : NULL,
                        .sums = sink->y ? NULL : sink->sums + n,
                        .row = sink->row,
                        .count = count < 8 ? count : 8};
}

static inline __attribute__((always_inline)) __m128i pare_q8_half_bytes(const pare_q8_half *end,
                                                                        __m256i acc) {
  __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(acc, end->bias)), end->scale);
  value = _mm256_min_ps(_mm256_max_ps(value, end->low), end->high);
  value = _mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm256_cvtepi32_epi8(_mm256_add_epi32(_mm256_cvtps_epi32(value), end->zero));
}

/* Place m: sums, or fewer than eight channels. */
static __attribute__((noinline)) void pare_q8_store_half(const pare_q8_half *end, int64_t m, __m256i acc) {
  if (end->y) {
    pare_q8_store_few(end->y + m * end->row, pare_q8_half_bytes(end, acc), end->count);
    return;
  }
  acc = _mm256_add_epi32(acc, end->bias);
  _mm256_mask_storeu_epi32(end->sums + m * end->row, (__mmask8)((1u << end->count) - 1u), acc);
}

#endif
