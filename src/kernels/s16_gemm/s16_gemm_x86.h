/* The body of the 256-bit variants of s16_gemm.h: 4 rows by 16 columns, single rows by 64. The including file defines
 *   S16_NAME                      the function
 *   S16_ADD_DOT(sum, a, b)        sum + the dot products of pairs, wrapping */
#include <immintrin.h>
#include <string.h>

#include "kernels/s16_gemm/s16_gemm.h"

void S16_NAME(const pare_s16_gemm_args *args);

static inline __attribute__((always_inline)) void tile(const pare_s16_gemm_args *args, int64_t m,
                                                       int64_t i_panel, const int rows, const int panels) {
  const int64_t panel = args->k_pairs * 2 * PARE_S16_NR;
  const int16_t *a = args->a + m * args->a_row, *b = args->b + i_panel * panel;
  __m256i sum[4][8];
  PARE_S16_UNROLL for (int i = 0; i < rows; i++) PARE_S16_UNROLL for (int j = 0; j < panels; j++) sum[i][j] =
      _mm256_setzero_si256();
  for (int64_t k = 0; k < args->k_pairs; k++, a += 2, b += 2 * PARE_S16_NR) {
    __m256i column[8];
    PARE_S16_UNROLL for (int j = 0; j < panels; j++) column[j] =
        _mm256_loadu_si256((const __m256i *)(const void *)(b + j * panel));
    PARE_S16_UNROLL for (int i = 0; i < rows; i++) {
      int32_t bits;
      memcpy(&bits, a + i * args->a_row, sizeof bits);
      const __m256i pair = _mm256_set1_epi32(bits);
      PARE_S16_UNROLL for (int j = 0; j < panels; j++) sum[i][j] = S16_ADD_DOT(sum[i][j], pair, column[j]);
    }
  }
  int32_t *c = args->c + m * args->c_row + i_panel * PARE_S16_NR;
  PARE_S16_UNROLL for (int i = 0; i < rows; i++) PARE_S16_UNROLL for (int j = 0; j < panels; j++)
      _mm256_storeu_si256((__m256i *)(void *)(c + i * args->c_row + 8 * j), sum[i][j]);
}

void S16_NAME(const pare_s16_gemm_args *args) {
  const int64_t fours = args->m / 4 * 4;
  int64_t p = 0;
  for (; fours && p + 2 <= args->n_panels; p += 2)
    for (int64_t m = 0; m < fours; m += 4) tile(args, m, p, 4, 2);
  for (; fours && p < args->n_panels; p++)
    for (int64_t m = 0; m < fours; m += 4) tile(args, m, p, 4, 1);
  for (int64_t m = fours; m < args->m; m++) {
    for (p = 0; p + 8 <= args->n_panels; p += 8) tile(args, m, p, 1, 8);
    for (; p < args->n_panels; p++) tile(args, m, p, 1, 1);
  }
}
