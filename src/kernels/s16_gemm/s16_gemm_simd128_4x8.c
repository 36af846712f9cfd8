/* s16_gemm.h in Wasm SIMD: 4 rows by 8 columns, a pair of A broadcast to four lanes; single rows go over four panels at once so that eight
 * sums are always under way. */
#include "kernels/s16_gemm/s16_gemm.h"
#include "kernels/simd.h"

void pare_s16_gemm__simd128_4x8(const pare_s16_gemm_args *args);

/* `rows` x (8 * panels) sums: constants at every call, so the arrays become registers. */
PARE_INLINE void tile(const pare_s16_gemm_args *args, int64_t m, int64_t i_panel, const int rows,
                      const int panels) {
  const int64_t panel = args->k_pairs * 2 * PARE_S16_NR;
  const int16_t *a = args->a + m * args->a_row, *b = args->b + i_panel * panel;
  v128_t sum[4][8];
  PARE_S16_UNROLL for (int i = 0; i < rows; i++) PARE_S16_UNROLL for (int j = 0; j < 2 * panels; j++)
      sum[i][j] = wasm_i32x4_splat(0);
  for (int64_t k = 0; k < args->k_pairs; k++, a += 2, b += 2 * PARE_S16_NR) {
    v128_t column[8];
    PARE_S16_UNROLL for (int j = 0; j < panels; j++) {
      column[2 * j] = wasm_v128_load(b + j * panel);
      column[2 * j + 1] = wasm_v128_load(b + j * panel + 8);
    }
    PARE_S16_UNROLL for (int i = 0; i < rows; i++) {
      const v128_t pair = wasm_v128_load32_splat(a + i * args->a_row);
      PARE_S16_UNROLL for (int j = 0; j < 2 * panels; j++) sum[i][j] =
          wasm_i32x4_add(sum[i][j], wasm_i32x4_dot_i16x8(pair, column[j]));
    }
  }
  int32_t *c = args->c + m * args->c_row + i_panel * PARE_S16_NR;
  PARE_S16_UNROLL for (int i = 0; i < rows; i++) PARE_S16_UNROLL for (int j = 0; j < 2 * panels; j++)
      wasm_v128_store(c + i * args->c_row + 4 * j, sum[i][j]);
}

void pare_s16_gemm__simd128_4x8(const pare_s16_gemm_args *args) {
  const int64_t fours = args->m / 4 * 4;
  for (int64_t p = 0; fours && p < args->n_panels; p++)
    for (int64_t m = 0; m < fours; m += 4) tile(args, m, p, 4, 1);
  for (int64_t m = fours; m < args->m; m++) {
    int64_t p = 0;
    for (; p + 4 <= args->n_panels; p += 4) tile(args, m, p, 1, 4);
    for (; p < args->n_panels; p++) tile(args, m, p, 1, 1);
  }
}
