/* q8_add.h with AVX-512, sixteen at a time. */
#include <immintrin.h>

#include "kernels/q8_add/q8_add.h"

void pare_q8_add__avx512(const pare_q8_add_args *args);

static inline __m512 as_f32(const uint8_t *x, bool is_signed) {
  const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)x);
  return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
}

void pare_q8_add__avx512(const pare_q8_add_args *args) {
  const __m512 ratio_a = _mm512_set1_ps(args->ratio_a), ratio_b = _mm512_set1_ps(args->ratio_b),
               fixed = _mm512_set1_ps(args->fixed), low = _mm512_set1_ps(args->low),
               high = _mm512_set1_ps(args->high);
  int64_t i = 0;
  for (; i + 16 <= args->n; i += 16) {
    __m512 value = _mm512_add_ps(fixed, _mm512_mul_ps(ratio_a, as_f32(args->a + i, args->is_signed)));
    value = _mm512_add_ps(value, _mm512_mul_ps(ratio_b, as_f32(args->b + i, args->is_signed)));
    value = _mm512_min_ps(_mm512_max_ps(value, low), high); /* a NaN becomes low */
    const __m512i sums = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128((__m128i *)(void *)(args->y + i), _mm512_cvtepi32_epi8(sums));
  }
  for (; i < args->n; i++) args->y[i] = pare_q8_add_one(args, args->a[i], args->b[i]);
}
