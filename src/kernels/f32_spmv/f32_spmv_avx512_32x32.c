/* f32_spmv.h with AVX-512: 32 columns of x stand in two registers, from which one instruction picks 16; 32 rows are
 * under way, so that two sums hide the latency. */
#include <immintrin.h>

#include "kernels/f32_spmv/f32_spmv.h"

void pare_f32_spmv__avx512_32x32(const pare_f32_spmv_args *args);

void pare_f32_spmv__avx512_32x32(const pare_f32_spmv_args *args) {
  const pare_f32_spmv *a = args->a;
  const __m256i nothing = _mm256_set1_epi16((short)a->k);
  const float *values = a->values;
  const uint16_t *columns = a->columns;
  const int32_t *ends = a->ends;
  int64_t step = 0;
  for (int64_t group = 0; group < a->n_groups; group++, ends += a->n_blocks) {
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t block = 0; block < a->n_blocks; block++) {
      const float *x = a->x + block * 32;
      const int64_t left = a->k - block * 32;
      const uint32_t there = left >= 32 ? 0xffffffffu : (1u << left) - 1;
      const __m512 low = _mm512_maskz_loadu_ps((__mmask16)there, x),
                   high = _mm512_maskz_loadu_ps((__mmask16)(there >> 16), x + 16);
      for (; step < ends[block]; step++, values += 32, columns += 32) {
        for (int i = 0; i < 2; i++) {
          const __m256i column = _mm256_loadu_si256((const __m256i *)(columns + 16 * i));
          const __mmask16 some = _mm256_cmpneq_epu16_mask(column, nothing);
          const __m512 picked = _mm512_permutex2var_ps(low, _mm512_cvtepu16_epi32(column), high);
          const __m512 product = _mm512_mul_ps(_mm512_loadu_ps(values + 16 * i), picked);
          sum[i] = _mm512_mask_add_ps(sum[i], some, sum[i], product);
        }
      }
    }
    _mm512_storeu_ps(a->sums + group * 32, sum[0]);
    _mm512_storeu_ps(a->sums + group * 32 + 16, sum[1]);
  }
  pare_f32_spmv_store(args, 0);
}
