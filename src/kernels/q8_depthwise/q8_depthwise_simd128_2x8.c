/* q8_depthwise.h in Wasm SIMD, WIDE: two places by eight channels, two taps at a time. */
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args);

PARE_INLINE void tile(const pare_q8_depthwise_args *args, int64_t m, int64_t c, const int places) {
  const int16_t *w = (const int16_t *)args->w + c * args->n_taps, *x[2];
  v128_t sum[2][2];
  PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
    x[i] = (const int16_t *)args->x + args->rows[m + i] + c;
    sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  }
  for (int64_t t = 0; t < args->n_taps; t += 2, w += 16) {
    const v128_t left = wasm_v128_load(w), right = wasm_v128_load(w + 8);
    const int32_t first = args->taps[t], second = args->taps[t + 1];
    PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
      const v128_t a = wasm_v128_load(x[i] + first), b = wasm_v128_load(x[i] + second);
      const v128_t low = wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      const v128_t high = wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
      sum[i][0] = wasm_i32x4_add(sum[i][0], wasm_i32x4_dot_i16x8(low, left));
      sum[i][1] = wasm_i32x4_add(sum[i][1], wasm_i32x4_dot_i16x8(high, right));
    }
  }
  PARE_Q8_UNROLL for (int i = 0; i < places; i++)
      pare_q8_store8(&args->sink, m + i, c, args->c - c, sum[i][0], sum[i][1]);
}

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args) {
  for (int64_t c = 0; c < args->c; c += 8) {
    int64_t m = 0;
    for (; m + 2 <= args->m; m += 2) tile(args, m, c, 2);
    if (m < args->m) tile(args, m, c, 1);
  }
}
