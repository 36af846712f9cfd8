/* q8_depthwise.h in Wasm SIMD, WIDE: eight channels, two taps at a time: two places, or, for a window of 3 x 3 over neighbouring places, four
 * that share what they load: columns of rows 0 and 1 are interleaved once, neighbours of row 2 once. */
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args);

#define LOW(a, b)  wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

PARE_INLINE void add_dots(v128_t sum[2], v128_t a, v128_t b, v128_t low, v128_t high) {
  sum[0] = wasm_i32x4_add(sum[0], wasm_i32x4_dot_i16x8(LOW(a, b), low));
  sum[1] = wasm_i32x4_add(sum[1], wasm_i32x4_dot_i16x8(HIGH(a, b), high));
}

PARE_INLINE void tile(const pare_q8_depthwise_args *args, int64_t m, int64_t c, const pare_q8_ending *end,
                      const int places) {
  const int16_t *w = (const int16_t *)args->w + c * args->n_taps, *x[2];
  v128_t sum[2][2];
  PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
    x[i] = (const int16_t *)args->x + args->rows[m + i] + c;
    sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  }
  for (int64_t t = 0; t < args->n_taps; t += 2, w += 16) {
    const v128_t low = wasm_v128_load(w), high = wasm_v128_load(w + 8);
    const int32_t first = args->taps[t], second = args->taps[t + 1];
    PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
      add_dots(sum[i], wasm_v128_load(x[i] + first), wasm_v128_load(x[i] + second), low, high);
    }
  }
  pare_q8_store8(end, m, places, sum, places);
}

/* Weights of 3 x 3 for eight channels, as pairs: rows 0 and 1 of each column; row 2's first two; its last and nothing. [.][2]: low, high */
typedef struct weights_3x3 {
  v128_t columns[3][2], two[2], last[2];
} weights_3x3;

PARE_INLINE weights_3x3 weights_of(const int16_t *w) {
  weights_3x3 out;
  PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
    /* taps (0,1) (2,3) (4,5) become (0,3) (1,4) (2,5) */
    const v128_t a = wasm_v128_load(w + 8 * h), b = wasm_v128_load(w + 8 * h + 16),
                 d = wasm_v128_load(w + 8 * h + 32);
    out.columns[0][h] = wasm_i16x8_shuffle(a, b, 0, 9, 2, 11, 4, 13, 6, 15);
    out.columns[1][h] = wasm_i16x8_shuffle(a, d, 1, 8, 3, 10, 5, 12, 7, 14);
    out.columns[2][h] = wasm_i16x8_shuffle(b, d, 0, 9, 2, 11, 4, 13, 6, 15);
    out.two[h] = wasm_v128_load(w + 8 * h + 48);
    out.last[h] = wasm_v128_load(w + 8 * h + 64);
  }
  return out;
}

#define PLACES 4

/* sum[place] += column `at` (of rows 0 and 1, interleaved) where the place's window has it. */
PARE_INLINE void add_column(const weights_3x3 *w, v128_t pair, int at, const int stride, const int half,
                            v128_t (*sum)[2]) {
  PARE_Q8_UNROLL for (int i = 0; i < PLACES; i++) {
    const int column = at - i * stride;
    if (column < 0 || column > 2) continue;
    sum[i][half] = wasm_i32x4_add(sum[i][half], wasm_i32x4_dot_i16x8(pair, w->columns[column][half]));
  }
}

/* The same for row 2: the pair of columns `at` and `at` + 1. */
PARE_INLINE void add_pair(const weights_3x3 *w, v128_t pair, int at, const int stride, const int half,
                          v128_t (*sum)[2]) {
  PARE_Q8_UNROLL for (int i = 0; i < PLACES; i++) {
    const int column = at - i * stride;
    if (column != 0 && column != 2) continue;
    const v128_t own = column ? w->last[half] : w->two[half];
    sum[i][half] = wasm_i32x4_add(sum[i][half], wasm_i32x4_dot_i16x8(pair, own));
  }
}

/* Four of the eight channels, so that sums and weights stay in registers. */
PARE_INLINE void half_tile(const int16_t *x, int32_t step, int32_t row1, int32_t row2, const weights_3x3 *w,
                           const int stride, const int half, v128_t (*sum)[2]) {
  const int16_t *y = x + row1, *z = x + row2;
  PARE_Q8_UNROLL for (int i = 0; i < PLACES; i++) sum[i][half] = wasm_i32x4_splat(0);
  PARE_Q8_UNROLL for (int at = 0; at < (PLACES - 1) * stride + 3; at++, x += step, y += step, z += step) {
    const v128_t a = wasm_v128_load(x), b = wasm_v128_load(y);
    add_column(w, half ? HIGH(a, b) : LOW(a, b), at, stride, half, sum);
    if (at % stride) continue; /* with stride 2, pairs begin at even columns */
    const v128_t d = wasm_v128_load(z), e = wasm_v128_load(z + step);
    add_pair(w, half ? HIGH(d, e) : LOW(d, e), at, stride, half, sum);
  }
}

PARE_INLINE void tile_3x3(const pare_q8_depthwise_args *args, int64_t m, int64_t c, const weights_3x3 *w,
                          const pare_q8_ending *end, const int stride) {
  const int16_t *x = (const int16_t *)args->x + args->rows[m] + c;
  const int32_t step = args->taps[1], row1 = args->taps[3], row2 = args->taps[6];
  v128_t sum[PLACES][2];
  half_tile(x, step, row1, row2, w, stride, 0, sum);
  __asm__ volatile("" ::: "memory"); /* loads again, rather than keeping all that was loaded */
  half_tile(x, step, row1, row2, w, stride, 1, sum);
  pare_q8_store8(end, m, PLACES, sum, PLACES);
}

/* The stride of a 3 x 3 window over columns `step` apart; 0: it is another window. */
static int stride_of(const pare_q8_depthwise_args *args) {
  const int32_t *t = args->taps, step = args->n_taps == 10 ? t[1] : 0;
  if (step <= 0 || t[0] != 0 || t[2] != 2 * step || t[4] != t[3] + step || t[5] != t[3] + 2 * step ||
      t[7] != t[6] + step || t[8] != t[6] + 2 * step || args->m < PLACES)
    return 0;
  const int32_t apart = args->rows[1] - args->rows[0];
  return apart == step ? 1 : apart == 2 * step ? 2 : 0;
}

static bool neighbours(const pare_q8_depthwise_args *args, int64_t m, int stride) {
  if (!stride || m + PLACES > args->m) return false;
  const int32_t apart = stride * args->taps[1];
  for (int i = 1; i < PLACES; i++)
    if (args->rows[m + i] - args->rows[m] != i * apart) return false;
  return true;
}

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args) {
  const int stride = stride_of(args);
  for (int64_t c = 0; c < args->c; c += 8) {
    const pare_q8_ending end = pare_q8_ending_at(&args->sink, c, args->c);
    const weights_3x3 w = stride ? weights_of((const int16_t *)args->w + c * args->n_taps) : (weights_3x3){0};
    for (int64_t m = 0; m < args->m;) {
      if (neighbours(args, m, stride)) {
        if (stride == 1)
          tile_3x3(args, m, c, &w, &end, 1);
        else
          tile_3x3(args, m, c, &w, &end, 2);
        m += PLACES;
      } else if (m + 2 <= args->m) {
        tile(args, m, c, &end, 2);
        m += 2;
      } else {
        tile(args, m, c, &end, 1);
        m++;
      }
    }
  }
}
