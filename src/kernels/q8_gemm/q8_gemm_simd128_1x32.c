/* q8_gemm.h in Wasm SIMD, MIXED: one row at a time over four panels of 8 columns, so that eight sums are under way; B widens as it is loaded. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

void pare_q8_gemm__simd128_1x32(const pare_q8_gemm_args *args);

PARE_INLINE void tile(const pare_q8_gemm_args *args, int64_t m, int64_t n, const int panels) {
  const int64_t panel = args->n_runs * args->run_len * 8;
  const int16_t *row = (const int16_t *)args->a + (args->rows ? args->rows[m] : m * args->a_row);
  const int8_t *b = (const int8_t *)args->b + n / 8 * panel;
  v128_t sum[8];
  PARE_Q8_UNROLL for (int j = 0; j < 2 * panels; j++) sum[j] = wasm_i32x4_splat(0);
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int16_t *a = row + args->runs[r];
    for (int64_t k = 0; k < args->run_len; k += 2, b += 16) {
      const v128_t pair = wasm_v128_load32_splat(a + k);
      PARE_Q8_UNROLL for (int j = 0; j < 2 * panels; j++) {
        const v128_t column = wasm_i16x8_load8x8(b + j / 2 * panel + j % 2 * 8);
        sum[j] = wasm_i32x4_add(sum[j], wasm_i32x4_dot_i16x8(pair, column));
      }
    }
  }
  for (int j = 0; j < panels; j++) {
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, n + 8 * j, args->n);
    pare_q8_store1x8(&end, m, sum[2 * j], sum[2 * j + 1]);
  }
}

void pare_q8_gemm__simd128_1x32(const pare_q8_gemm_args *args) {
  for (int64_t m = 0; m < args->m; m++) {
    int64_t n = 0;
    for (; n + 24 < args->n; n += 32) tile(args, m, n, 4);
    for (; n < args->n; n += 8) tile(args, m, n, 1);
  }
}
