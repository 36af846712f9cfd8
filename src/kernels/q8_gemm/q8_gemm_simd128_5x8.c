/* q8_gemm.h in Wasm SIMD, TILED: 5 or 4 rows by 8 columns, a pair of A broadcast to four lanes. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

void pare_q8_gemm__simd128_5x8(const pare_q8_gemm_args *args);

/* One step of k an iteration: engines unroll it themselves, and more would not fit their registers. */
PARE_INLINE void tile(const pare_q8_gemm_args *args, const int16_t *b, int64_t m, const pare_q8_ending *end,
                      const int rows) {
  const int16_t *a = (const int16_t *)args->a + m * args->run_len, *past = b + args->run_len * 8;
  v128_t sum[5][2];
  PARE_Q8_UNROLL for (int i = 0; i < rows; i++) sum[i][0] = end->bias[0], sum[i][1] = end->bias[1];
  for (; b < past; b += 16, a += 2 * rows) {
    const v128_t left = wasm_v128_load(b), right = wasm_v128_load(b + 8);
    PARE_Q8_UNROLL for (int i = 0; i < rows; i++) {
      const v128_t pair = wasm_v128_load32_splat(a + 2 * i);
      sum[i][0] = wasm_i32x4_add(sum[i][0], wasm_i32x4_dot_i16x8(pair, left));
      sum[i][1] = wasm_i32x4_add(sum[i][1], wasm_i32x4_dot_i16x8(pair, right));
    }
  }
  pare_q8_end8(end, m, args->m - m, sum, rows, true);
}

void pare_q8_gemm__simd128_5x8(const pare_q8_gemm_args *args) {
  const int16_t *b = args->b;
  for (int64_t n = 0; n < args->n; n += 8, b += args->run_len * 8) {
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, n, args->n);
    int64_t m = 0;
    for (; m < args->m && pare_q8_tile_rows(args->m, m) == 5; m += 5) tile(args, b, m, &end, 5);
    for (; m < args->m; m += 4) tile(args, b, m, &end, 4);
  }
}
