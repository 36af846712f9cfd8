/* q8_gemm.h in relaxed Wasm SIMD, BYTES: 6 rows by 8 columns, four bytes of A broadcast to four lanes; a single row over four panels. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"
#include "kernels/q8_gemm/relaxed_dot.h"

#define ROWS 6

void pare_q8_gemm__relaxed_6x8(const pare_q8_gemm_args *args);

/* `rows` rows from m, the last one again where there are fewer; `panels` panels from column n. */
PARE_INLINE void tile(const pare_q8_gemm_args *args, int64_t m, int64_t n, const pare_q8_ending *end,
                      const int rows, const int panels) {
  const int64_t panel = args->n_runs * args->run_len * 8;
  const int8_t *b = (const int8_t *)args->b + n / 8 * panel;
  const uint8_t *row[ROWS];
  v128_t sum[ROWS][8];
  PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
    const int64_t at = m + i < args->m ? m + i : args->m - 1;
    row[i] = (const uint8_t *)args->a + (args->rows ? args->rows[at] : at * args->a_row);
    PARE_Q8_UNROLL for (int j = 0; j < 2 * panels; j++) sum[i][j] = wasm_i32x4_splat(0);
  }
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int32_t first = args->runs[r], past = first + (int32_t)args->run_len;
    for (int32_t k = first; k < past; k += 4, b += 32) {
      v128_t column[8];
      PARE_Q8_UNROLL for (int j = 0; j < 2 * panels; j++) column[j] =
          wasm_v128_load(b + j / 2 * panel + j % 2 * 16);
      PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
        const v128_t four = wasm_v128_load32_splat(row[i] + k);
        PARE_Q8_UNROLL for (int j = 0; j < 2 * panels; j++) sum[i][j] =
            pare_relaxed_dot(column[j], four, sum[i][j]);
      }
    }
  }
  if (rows == 1) {
    for (int j = 0; j < panels; j++) {
      const pare_q8_ending at = pare_q8_ending_at(&args->sink, n + 8 * j, args->n);
      pare_q8_store1x8(&at, m, sum[0][2 * j], sum[0][2 * j + 1]);
    }
    return;
  }
  v128_t two[ROWS][2];
  PARE_Q8_UNROLL for (int i = 0; i < rows; i++) two[i][0] = sum[i][0], two[i][1] = sum[i][1];
  pare_q8_store8(end, m, args->m - m, two, ROWS);
}

void pare_q8_gemm__relaxed_6x8(const pare_q8_gemm_args *args) {
  int64_t n = 0;
  if (args->m == 1) {
    for (; n + 24 < args->n; n += 32) tile(args, 0, n, NULL, 1, 4);
    for (; n < args->n; n += 8) tile(args, 0, n, NULL, 1, 1);
    return;
  }
  for (; n < args->n; n += 8) {
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, n, args->n);
    for (int64_t m = 0; m < args->m; m += ROWS) tile(args, m, n, &end, ROWS, 1);
  }
}
