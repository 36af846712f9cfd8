/* q8_depthwise.h for processors with AVX-512 VNNI and VL, BYTES: 32 channels of four taps are unpacked into four vectors of dwords, each a
 * channel's four taps, which vpdpbusd multiplies and adds. */
#include <immintrin.h>

#include "kernels/q8_depthwise/q8_depthwise.h"

#ifdef __clang__ /* whose PARE_Q8_UNROLL is an error where the count is no constant */
#define SOME_AT_A_TIME _Pragma("clang loop unroll_count(4)")
#else
#define SOME_AT_A_TIME PARE_Q8_UNROLL
#endif

#define PANEL  32
#define INLINE static inline __attribute__((always_inline))

void pare_q8_depthwise__avx512vnni_1x32(const pare_q8_depthwise_args *args);

/* Dwords of the channels that vector j of a panel holds (PARE_Q8_UNPACKED). */
INLINE __m256i channels_of(const void *from, int j) {
  const int32_t *at = (const int32_t *)from + 4 * j;
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)at)),
                                 _mm_loadu_si128((const __m128i *)(const void *)(at + 16)), 1);
}

INLINE void add_taps(const uint8_t *x, const int32_t *taps, const int8_t *w, __mmask32 mask, __m256i sum[4]) {
  __m256i tap[4];
  for (int i = 0; i < 4; i++) tap[i] = _mm256_maskz_loadu_epi8(mask, x + taps[i]);
  const __m256i low_01 = _mm256_unpacklo_epi8(tap[0], tap[1]), low_23 = _mm256_unpacklo_epi8(tap[2], tap[3]);
  const __m256i high_01 = _mm256_unpackhi_epi8(tap[0], tap[1]),
                high_23 = _mm256_unpackhi_epi8(tap[2], tap[3]);
  const __m256i fours[4] = {_mm256_unpacklo_epi16(low_01, low_23), _mm256_unpackhi_epi16(low_01, low_23),
                            _mm256_unpacklo_epi16(high_01, high_23), _mm256_unpackhi_epi16(high_01, high_23)};
  PARE_Q8_UNROLL for (int j = 0; j < 4; j++) sum[j] = _mm256_dpbusd_epi32(
      sum[j], fours[j], _mm256_loadu_si256((const __m256i *)(const void *)(w + PANEL * j)));
}

typedef struct ending {
  __m256i bias[4], zero;
  __m256 scale[4], low, high;
} ending;

INLINE __m256i requantize(const ending *end, __m256i sum, int j) {
  __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), end->scale[j]);
  value = _mm256_min_ps(_mm256_max_ps(value, end->low), end->high); /* a NaN becomes low */
  return _mm256_add_epi32(_mm256_cvtps_epi32(value), end->zero);
}

/* Clamped integers, so that packing never saturates wrongly: signed ones are masked to their last byte. */
INLINE __m256i bytes_of(const __m256i q[4]) {
  const __m256i byte = _mm256_set1_epi32(0xff);
  const __m256i left = _mm256_packus_epi32(_mm256_and_si256(q[0], byte), _mm256_and_si256(q[1], byte));
  const __m256i right = _mm256_packus_epi32(_mm256_and_si256(q[2], byte), _mm256_and_si256(q[3], byte));
  return _mm256_packus_epi16(left, right);
}

INLINE void store(const pare_q8_sink *sink, const ending *end, int64_t m, int64_t c, __mmask32 mask,
                  __m256i sum[4]) {
  PARE_Q8_UNROLL for (int j = 0; j < 4; j++) sum[j] = _mm256_add_epi32(sum[j], end->bias[j]);
  if (!sink->y) {
    int32_t *to = sink->sums + m * sink->row + c;
    for (int j = 0; j < 4; j++) {
      _mm_mask_storeu_epi32(to + 4 * j, (__mmask8)(mask >> 4 * j & 15), _mm256_castsi256_si128(sum[j]));
      _mm_mask_storeu_epi32(to + 4 * j + 16, (__mmask8)(mask >> (4 * j + 16) & 15),
                            _mm256_extracti128_si256(sum[j], 1));
    }
    return;
  }
  PARE_Q8_UNROLL for (int j = 0; j < 4; j++) sum[j] = requantize(end, sum[j], j);
  uint8_t *y = sink->y + m * sink->row + c;
  if (mask == 0xffffffffu)
    _mm256_storeu_si256((__m256i *)(void *)y, bytes_of(sum));
  else
    _mm256_mask_storeu_epi8(y, mask, bytes_of(sum));
}

/* All places of up to 32 channels; `n_taps` is a constant where the loop is to be unrolled. */
INLINE void panel(const pare_q8_depthwise_args *args, int64_t c, const int64_t n_taps) {
  const pare_q8_sink *sink = &args->sink;
  const int8_t *w = (const int8_t *)args->w + c * n_taps;
  const __mmask32 mask = args->c - c >= PANEL ? 0xffffffffu : (1u << (args->c - c)) - 1u;
  ending end = {.zero = _mm256_set1_epi32(sink->zero_point),
                .low = _mm256_set1_ps(sink->low),
                .high = _mm256_set1_ps(sink->high)};
  PARE_Q8_UNROLL for (int j = 0; j < 4; j++) {
    end.bias[j] = channels_of(sink->bias + c, j);
    end.scale[j] = _mm256_castsi256_ps(sink->y ? channels_of(sink->scale + c, j) : _mm256_setzero_si256());
  }
  for (int64_t m = 0; m < args->m; m++) {
    const uint8_t *x = (const uint8_t *)args->x + args->rows[m] + c;
    __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                      _mm256_setzero_si256()};
    SOME_AT_A_TIME for (int64_t t = 0; t < n_taps; t += 4)
        add_taps(x, args->taps + t, w + t * PANEL, mask, sum);
    store(sink, &end, m, c, mask, sum);
  }
}

void pare_q8_depthwise__avx512vnni_1x32(const pare_q8_depthwise_args *args) {
  for (int64_t c = 0; c < args->c; c += PANEL) {
    if (args->n_taps == 12)
      panel(args, c, 12);
    else
      panel(args, c, args->n_taps);
  }
}
