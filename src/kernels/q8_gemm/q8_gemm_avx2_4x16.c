/* q8_gemm.h for processors with AVX2, WIDE: 4 rows by two panels of 8 columns. */
#include <immintrin.h>

#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

#define ROWS 4

void pare_q8_gemm__avx2_4x16(const pare_q8_gemm_args *args);

static inline __m256i pair_of(const int16_t *a) {
  int32_t bits;
  memcpy(&bits, a, sizeof bits);
  return _mm256_set1_epi32(bits);
}

/* Rows m to m + 4, the last one again where there are fewer. */
PARE_INLINE void tile(const pare_q8_gemm_args *args, int64_t m, int64_t n, const pare_q8_ending *end,
                      const int panels) {
  const int64_t panel = args->n_runs * args->run_len * 8;
  const int16_t *b = (const int16_t *)args->b + n / 8 * panel, *row[ROWS];
  __m256i sum[ROWS][2];
  PARE_Q8_UNROLL for (int i = 0; i < ROWS; i++) {
    const int64_t at = m + i < args->m ? m + i : args->m - 1;
    row[i] = (const int16_t *)args->a + (args->rows ? args->rows[at] : at * args->a_row);
    sum[i][0] = sum[i][1] = _mm256_setzero_si256();
  }
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int64_t first = args->runs[r], past = first + args->run_len;
    for (int64_t k = first; k < past; k += 2, b += 16) {
      __m256i column[2];
      PARE_Q8_UNROLL for (int j = 0; j < panels; j++) column[j] =
          _mm256_loadu_si256((const __m256i *)(const void *)(b + j * panel));
      PARE_Q8_UNROLL for (int i = 0; i < ROWS; i++) {
        const __m256i pair = pair_of(row[i] + k);
        PARE_Q8_UNROLL for (int j = 0; j < panels; j++) sum[i][j] =
            _mm256_add_epi32(sum[i][j], _mm256_madd_epi16(pair, column[j]));
      }
    }
  }
  PARE_Q8_UNROLL for (int j = 0; j < panels; j++) {
    v128_t half[ROWS][2];
    PARE_Q8_UNROLL for (int i = 0; i < ROWS; i++) memcpy(half[i], &sum[i][j], sizeof half[i]);
    pare_q8_store8(&end[j], m, args->m - m, half, ROWS);
  }
}

/* All rows of `panels` panels from column n. */
PARE_INLINE void columns(const pare_q8_gemm_args *args, int64_t n, const int panels) {
  pare_q8_ending end[2];
  PARE_Q8_UNROLL for (int j = 0; j < panels; j++) end[j] = pare_q8_ending_at(&args->sink, n + 8 * j, args->n);
  for (int64_t m = 0; m < args->m; m += ROWS) tile(args, m, n, end, panels);
}

void pare_q8_gemm__avx2_4x16(const pare_q8_gemm_args *args) {
  int64_t n = 0;
  for (; n + 8 < args->n; n += 16) columns(args, n, 2);
  if (n < args->n) columns(args, n, 1);
}
