/* q8_depthwise.h in relaxed Wasm SIMD, BYTES: 16 channels of four taps are unpacked into four vectors of a channel's four taps. */
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"
#include "kernels/q8_gemm/relaxed_dot.h"

void pare_q8_depthwise__relaxed_1x16(const pare_q8_depthwise_args *args);

#define LOW_BYTES(a, b) wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_BYTES(a, b)                                                                                     \
  wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_WORDS(a, b)  wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_WORDS(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

PARE_INLINE void add_taps(const uint8_t *x, const int32_t *taps, const int8_t *w, v128_t sum[4]) {
  const v128_t a = wasm_v128_load(x + taps[0]), b = wasm_v128_load(x + taps[1]);
  const v128_t c = wasm_v128_load(x + taps[2]), d = wasm_v128_load(x + taps[3]);
  const v128_t low_ab = LOW_BYTES(a, b), low_cd = LOW_BYTES(c, d);
  const v128_t high_ab = HIGH_BYTES(a, b), high_cd = HIGH_BYTES(c, d);
  sum[0] = pare_relaxed_dot(wasm_v128_load(w), LOW_WORDS(low_ab, low_cd), sum[0]);
  sum[1] = pare_relaxed_dot(wasm_v128_load(w + 16), HIGH_WORDS(low_ab, low_cd), sum[1]);
  sum[2] = pare_relaxed_dot(wasm_v128_load(w + 32), LOW_WORDS(high_ab, high_cd), sum[2]);
  sum[3] = pare_relaxed_dot(wasm_v128_load(w + 48), HIGH_WORDS(high_ab, high_cd), sum[3]);
}

void pare_q8_depthwise__relaxed_1x16(const pare_q8_depthwise_args *args) {
  for (int64_t c = 0; c < args->c; c += 16) {
    const int8_t *w = (const int8_t *)args->w + c * args->n_taps;
    const bool two = args->c - c > 8;
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, c, args->c);
    const pare_q8_ending next = pare_q8_ending_at(&args->sink, two ? c + 8 : c, args->c);
    for (int64_t m = 0; m < args->m; m++) {
      const uint8_t *x = (const uint8_t *)args->x + args->rows[m] + c;
      v128_t sum[4] = {wasm_i32x4_splat(0), wasm_i32x4_splat(0), wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
      for (int64_t t = 0; t < args->n_taps; t += 4) add_taps(x, args->taps + t, w + t * 16, sum);
      pare_q8_store1x8(&end, m, sum[0], sum[1]);
      if (two) pare_q8_store1x8(&next, m, sum[2], sum[3]);
    }
  }
}
