/* q8_gemm.h in Wasm SIMD, WIDE: 4 rows by 8 columns, a pair of A broadcast to four lanes. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

#define ROWS 4

void pare_q8_gemm__simd128_4x8(const pare_q8_gemm_args *args);

/* Rows m to m + 4, the last one again where there are fewer. */
PARE_INLINE void tile(const pare_q8_gemm_args *args, const int16_t *b, int64_t m, const pare_q8_ending *end) {
  const int32_t *step = args->steps, *past = step + args->n_runs * args->run_len / 2;
  const int16_t *row[ROWS];
  v128_t sum[ROWS][2];
  PARE_Q8_UNROLL for (int i = 0; i < ROWS; i++) {
    const int64_t at = m + i < args->m ? m + i : args->m - 1;
    row[i] = (const int16_t *)args->a + (args->rows ? args->rows[at] : at * args->a_row);
    sum[i][0] = end->bias[0];
    sum[i][1] = end->bias[1];
  }
  for (; step < past; step++, b += 16) {
    const int32_t k = *step;
    const v128_t left = wasm_v128_load(b), right = wasm_v128_load(b + 8);
    PARE_Q8_UNROLL for (int i = 0; i < ROWS; i++) {
      const v128_t pair = wasm_v128_load32_splat(row[i] + k);
      sum[i][0] = wasm_i32x4_add(sum[i][0], wasm_i32x4_dot_i16x8(pair, left));
      sum[i][1] = wasm_i32x4_add(sum[i][1], wasm_i32x4_dot_i16x8(pair, right));
    }
  }
  pare_q8_end8(end, m, args->m - m, sum, ROWS, true);
}

void pare_q8_gemm__simd128_4x8(const pare_q8_gemm_args *args) {
  const int16_t *b = args->b;
  for (int64_t n = 0; n < args->n; n += 8, b += args->n_runs * args->run_len * 8) {
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, n, args->n);
    for (int64_t m = 0; m < args->m; m += ROWS) tile(args, b, m, &end);
  }
}
