/* q8_gemm.h in Wasm SIMD, MIXED: one row at a time over 32 columns. With words of two weights, 256 high + (low + 128), sums wrapping,
 *   sum a low = sum a word - 256 sum a high - 128 sum a
 * so that a vector of 16 weights costs one shift to the right instead of two that widen. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

#define PANEL   32
#define VECTORS (PANEL / 8)

void pare_q8_gemm__simd128_1x32(const pare_q8_gemm_args *args);

/* 128 sum a, in every lane. */
static v128_t sum_of_row(const pare_q8_gemm_args *args, const int16_t *row) {
  v128_t sum = wasm_i32x4_splat(0);
  for (int64_t r = 0; r < args->n_runs; r++)
    for (int64_t k = 0; k < args->run_len; k += 2) {
      const v128_t pair = wasm_v128_load32_splat(row + args->runs[r] + k);
      sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(pair, wasm_i16x8_splat(128)));
    }
  return sum;
}

PARE_INLINE void tile(const pare_q8_gemm_args *args, const int16_t *row, v128_t offset, int64_t m, int64_t n,
                      pare_q8_ending *end) {
  const int8_t *b = (const int8_t *)args->b + n * args->n_runs * args->run_len;
  v128_t word[VECTORS], high[VECTORS];
  PARE_Q8_UNROLL for (int j = 0; j < VECTORS; j++) word[j] = high[j] = wasm_i32x4_splat(0);
  for (int64_t r = 0; r < args->n_runs; r++) {
    const int16_t *a = row + args->runs[r], *end = a + args->run_len;
    for (; a < end; a += 2, b += 2 * PANEL) {
      const v128_t pair = wasm_v128_load32_splat(a);
      PARE_Q8_UNROLL for (int j = 0; j < VECTORS; j++) {
        const v128_t weights = wasm_v128_load(b + 16 * j);
        word[j] = wasm_i32x4_add(word[j], wasm_i32x4_dot_i16x8(pair, weights));
        high[j] = wasm_i32x4_add(high[j], wasm_i32x4_dot_i16x8(pair, wasm_i16x8_shr(weights, 8)));
      }
    }
  }
  PARE_Q8_UNROLL for (int j = 0; j < VECTORS; j++) {
    if (n + 8 * j >= args->n) break;
    const v128_t low = wasm_i32x4_sub(wasm_i32x4_sub(word[j], wasm_i32x4_shl(high[j], 8)), offset);
    pare_q8_ending_move(end, &args->sink, n + 8 * j, args->n);
    pare_q8_store1x8(end, m, low, high[j]);
  }
}

void pare_q8_gemm__simd128_1x32(const pare_q8_gemm_args *args) {
  pare_q8_ending end = pare_q8_ending_at(&args->sink, 0, args->n);
  for (int64_t m = 0; m < args->m; m++) {
    const int16_t *row = (const int16_t *)args->a + (args->rows ? args->rows[m] : m * args->a_row);
    const v128_t offset = sum_of_row(args, row);
    for (int64_t n = 0; n < args->n; n += PANEL) tile(args, row, offset, m, n, &end);
  }
}
