/* q8_gemm.h for processors with AVX-512 VNNI, BYTES: 6 rows by up to four panels of 16 columns, four bytes of A broadcast to every lane
 * (vpdpbusd, which wraps). Up to eight columns are half a panel: 8 rows of half as long vectors. */
#include <string.h>

#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_avx512.h"

#define ROWS   6
#define NARROW 8
#define PANEL  16
#define INLINE static inline __attribute__((always_inline))

void pare_q8_gemm__avx512vnni_6x64(const pare_q8_gemm_args *args);

INLINE __m512i four_of(const uint8_t *a) {
  int32_t bits;
  memcpy(&bits, a, sizeof bits);
  return _mm512_set1_epi32(bits);
}

/* `rows` rows from m, the last one again where there are fewer. */
INLINE void tile(const pare_q8_gemm_args *args, int64_t m, int64_t n, const int rows, const int panels) {
  const int64_t panel = args->n_runs * args->run_len * PANEL;
  const int8_t *b = (const int8_t *)args->b + n / PANEL * panel;
  const uint8_t *row[ROWS];
  __m512i sum[ROWS][4];
  PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
    const int64_t at = m + i < args->m ? m + i : args->m - 1;
    row[i] = (const uint8_t *)args->a + (args->rows ? args->rows[at] : at * args->a_row);
    PARE_Q8_UNROLL for (int j = 0; j < panels; j++) sum[i][j] = _mm512_setzero_si512();
  }
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int64_t first = args->runs[r], end = first + args->run_len;
    for (int64_t k = first; k < end; k += 4, b += 4 * PANEL) {
      __m512i column[4];
      PARE_Q8_UNROLL for (int j = 0; j < panels; j++) column[j] = _mm512_loadu_si512(b + j * panel);
      PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
        const __m512i four = four_of(row[i] + k);
        PARE_Q8_UNROLL for (int j = 0; j < panels; j++) sum[i][j] =
            _mm512_dpbusd_epi32(sum[i][j], four, column[j]);
      }
    }
  }
  PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
    if (m + i >= args->m) break;
    PARE_Q8_UNROLL for (int j = 0; j < panels; j++)
        pare_q8_store16(&args->sink, m + i, n + j * PANEL, args->n - n - j * PANEL, sum[i][j]);
  }
}

/* NARROW rows of the first half of a panel. A function of its own: inlined, gcc keeps the rows' addresses in memory. */
static __attribute__((noinline)) void narrow_tile(const pare_q8_gemm_args *args, const int8_t *b, int64_t m,
                                                  const pare_q8_half *end) {
  const uint8_t *row[NARROW];
  __m256i sum[NARROW];
  PARE_Q8_UNROLL for (int i = 0; i < NARROW; i++) {
    row[i] = (const uint8_t *)args->a + (args->rows ? args->rows[m + i] : (m + i) * args->a_row);
    sum[i] = _mm256_setzero_si256();
  }
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int64_t first = args->runs[r], past = first + args->run_len;
    for (int64_t k = first; k < past; k += 4, b += 4 * PANEL) {
      const __m256i column = _mm256_loadu_si256((const __m256i *)(const void *)b);
      PARE_Q8_UNROLL for (int i = 0; i < NARROW; i++) {
        int32_t four;
        memcpy(&four, row[i] + k, sizeof four);
        sum[i] = _mm256_dpbusd_epi32(sum[i], _mm256_set1_epi32(four), column);
      }
    }
  }
  if (!end->y || end->count < 8) {
    for (int i = 0; i < NARROW; i++) pare_q8_store_half(end, m + i, sum[i]);
    return;
  }
  uint8_t *y = end->y + m * end->row;
  PARE_Q8_UNROLL for (int i = 0; i < NARROW; i++, y += end->row)
      _mm_storel_epi64((__m128i *)(void *)y, pare_q8_half_bytes(end, sum[i]));
}

/* At least NARROW rows; the last NARROW, some of them again. */
static void narrow_columns(const pare_q8_gemm_args *args, int64_t n) {
  const int8_t *b = (const int8_t *)args->b + n * args->n_runs * args->run_len;
  const pare_q8_half end = pare_q8_half_at(&args->sink, n, args->n - n);
  for (int64_t m = 0; m < args->m; m += NARROW)
    narrow_tile(args, b, m < args->m - NARROW ? m : args->m - NARROW, &end);
}

INLINE void columns(const pare_q8_gemm_args *args, int64_t n, const int panels) {
  int64_t m = 0;
  for (; m + 1 < args->m; m += ROWS) tile(args, m, n, ROWS, panels);
  if (m < args->m) tile(args, m, n, 1, panels);
}

void pare_q8_gemm__avx512vnni_6x64(const pare_q8_gemm_args *args) {
  int64_t n = 0;
  for (; args->n - n > 3 * PANEL; n += 4 * PANEL) columns(args, n, 4);
  if (args->n - n > 2 * PANEL) {
    columns(args, n, 3);
  } else if (args->n - n > PANEL) {
    columns(args, n, 2);
  } else if (args->n - n > PANEL / 2 || (args->n > n && args->m < NARROW)) {
    columns(args, n, 1);
  } else if (args->n > n) {
    narrow_columns(args, n);
  }
}
