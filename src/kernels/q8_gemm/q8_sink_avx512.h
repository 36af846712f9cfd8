/* q8_sink.h with AVX-512: sixteen sums become sixteen bytes. */
#ifndef PARE_Q8_SINK_AVX512_H
#define PARE_Q8_SINK_AVX512_H

#include <immintrin.h>

#include "kernels/q8_gemm/q8_sink.h"

/* Sums [m, n .. n + 16), of which `count` count. max(value, low) gives `low` for a NaN. */
static inline __attribute__((always_inline)) void pare_q8_store16(const pare_q8_sink *sink, int64_t m,
                                                                  int64_t n, int64_t count, __m512i acc) {
  const __mmask16 mask = (__mmask16)(count >= 16 ? 0xffff : (1u << count) - 1u);
  acc = _mm512_add_epi32(acc, _mm512_loadu_si512(sink->bias + n));
  if (!sink->y) {
    _mm512_mask_storeu_epi32(sink->sums + m * sink->row + n, mask, acc);
    return;
  }
  __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(sink->scale + n));
  value = _mm512_max_ps(value, _mm512_set1_ps(sink->low));
  value = _mm512_min_ps(value, _mm512_set1_ps(sink->high));
  acc = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  acc = _mm512_add_epi32(acc, _mm512_set1_epi32(sink->zero_point));
  const __m128i bytes = _mm512_cvtepi32_epi8(acc);
  uint8_t *y = sink->y + m * sink->row + n;
  if (count >= 16)
    _mm_storeu_si128((__m128i *)(void *)y, bytes);
  else
    _mm_mask_storeu_epi8(y, mask, bytes); /* slow on some processors */
}

#endif
