/* The loops of q8_winograd.h in Wasm SIMD. */
#include "kernels/q8_conv/q8_winograd.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

#define TILE   PARE_WINOGRAD_TILE
#define EDGE   PARE_WINOGRAD_EDGE
#define PANEL  PARE_WINOGRAD_PANEL
#define POINTS PARE_WINOGRAD_POINTS
#define TILES  PARE_WINOGRAD_TILES
#define NINTH  954437177 /* its product with 9 is 1 modulo 2^32 */
#define SHIFTS 6

/* B^T d for eight places or channels. */
PARE_INLINE void transform(const v128_t d[EDGE], v128_t out[EDGE]) {
  const v128_t d1 = wasm_i16x8_shl(d[1], 2), d2 = wasm_i16x8_shl(d[2], 2), d3 = wasm_i16x8_shl(d[3], 2);
  const v128_t even = wasm_i16x8_sub(d[4], d2), odd = wasm_i16x8_sub(d[3], d1);
  const v128_t other_even = wasm_i16x8_sub(d[4], d[2]);
  v128_t other_odd = wasm_i16x8_sub(d[3], d[1]);
  other_odd = wasm_i16x8_add(other_odd, other_odd);
  out[0] = wasm_i16x8_add(wasm_i16x8_sub(even, d[2]), wasm_i16x8_shl(d[0], 2));
  out[1] = wasm_i16x8_add(even, odd);
  out[2] = wasm_i16x8_sub(even, odd);
  out[3] = wasm_i16x8_add(other_even, other_odd);
  out[4] = wasm_i16x8_sub(other_even, other_odd);
  out[5] = wasm_i16x8_sub(wasm_i16x8_sub(d[5], d3), odd);
}

PARE_INLINE void down(const uint8_t *const *bytes, const bool is_signed, v128_t zero, int64_t n, int64_t row,
                      int16_t *out) {
  for (int64_t i = 0; i < n; i += 8) {
    if (i > n - 8) i = n - 8; /* the last eight, some of them again */
    v128_t d[EDGE], t[EDGE];
    PARE_Q8_UNROLL for (int k = 0; k < EDGE; k++) {
      const uint8_t *at = bytes[k] + i;
      d[k] = wasm_i16x8_sub(is_signed ? wasm_i16x8_load8x8(at) : wasm_u16x8_load8x8(at), zero);
    }
    transform(d, t);
    PARE_Q8_UNROLL for (int k = 0; k < EDGE; k++) wasm_v128_store(out + k * row + i, t[k]);
  }
}

void pare_q8_winograd_down(const uint8_t *const *bytes, bool is_signed, int32_t zero, int64_t n, int64_t row,
                           int16_t *out) {
  const v128_t z = wasm_i16x8_splat((int16_t)zero);
  if (is_signed)
    down(bytes, true, z, n, row, out);
  else
    down(bytes, false, z, n, row, out);
}

void pare_q8_winograd_across(const pare_q8_winograd *w, const int16_t *rows, int64_t c, int64_t n,
                             int16_t *out) {
  const int64_t point = w->point;
  for (int64_t tile = 0; tile < n; tile++, rows += TILE * c, out += w->c_whole) {
    for (int64_t i = 0; i < w->c_whole; i += 8) {
      PARE_Q8_ROLLED for (int k = 0; k < EDGE; k++) {
        v128_t d[EDGE], t[EDGE];
        const int16_t *from = rows + k * w->row + i;
        int16_t *to = out + k * EDGE * point + i;
        PARE_Q8_UNROLL for (int j = 0; j < EDGE; j++) d[j] = wasm_v128_load(from + j * c);
        transform(d, t);
        PARE_Q8_UNROLL for (int j = 0; j < EDGE; j++) wasm_v128_store(to + j * point, t[j]);
      }
    }
  }
}

void pare_q8_winograd_multiply(const pare_q8_winograd *w, const int16_t *images, const int16_t *weights,
                               int32_t *sums) {
  const int64_t c = w->c_whole;
  for (int point = 0; point < POINTS; point++, weights += c * PANEL, images += w->point, sums += PANEL) {
    const int16_t *a = images;
    int32_t *to = sums;
    for (int64_t tile = 0; tile < w->n_tiles; tile += TILES, a += TILES * c, to += TILES * POINTS * PANEL) {
      v128_t sum[TILES][2];
      const int16_t *b = weights;
      PARE_Q8_UNROLL for (int i = 0; i < TILES; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
      for (int64_t k = 0; k < c; k += 2, b += 16) {
        const v128_t left = wasm_v128_load(b), right = wasm_v128_load(b + 8);
        PARE_Q8_UNROLL for (int i = 0; i < TILES; i++) {
          const v128_t pair = wasm_v128_load32_splat(a + i * c + k);
          sum[i][0] = wasm_i32x4_add(sum[i][0], wasm_i32x4_dot_i16x8(pair, left));
          sum[i][1] = wasm_i32x4_add(sum[i][1], wasm_i32x4_dot_i16x8(pair, right));
        }
      }
      PARE_Q8_UNROLL for (int i = 0; i < TILES; i++) {
        wasm_v128_store(to + i * POINTS * PANEL, sum[i][0]);
        wasm_v128_store(to + i * POINTS * PANEL + 4, sum[i][1]);
      }
    }
  }
}

/* A^T m for four channels, the last of m doubled. */
PARE_INLINE void finish(const v128_t m[EDGE], v128_t out[TILE]) {
  const v128_t sum1 = wasm_i32x4_add(m[1], m[2]), difference1 = wasm_i32x4_sub(m[1], m[2]);
  const v128_t sum2 = wasm_i32x4_add(m[3], m[4]), difference2 = wasm_i32x4_sub(m[3], m[4]);
  out[0] = wasm_i32x4_add(wasm_i32x4_add(m[0], sum1), sum2);
  out[1] = wasm_i32x4_add(difference1, wasm_i32x4_shl(difference2, 1));
  out[2] = wasm_i32x4_add(sum1, wasm_i32x4_shl(sum2, 2));
  out[3] =
      wasm_i32x4_add(wasm_i32x4_add(difference1, wasm_i32x4_shl(difference2, 3)), wasm_i32x4_shl(m[5], 1));
}

/* `y` [rows][columns of m, four channels] */
PARE_INLINE void finish_down(const int32_t *sums, v128_t y[TILE][EDGE]) {
  PARE_Q8_ROLLED for (int j = 0; j < EDGE; j++) {
    v128_t m[EDGE], t[TILE];
    PARE_Q8_UNROLL for (int i = 0; i < EDGE; i++) m[i] = wasm_v128_load(sums + (i * EDGE + j) * PANEL);
    finish(m, t);
    PARE_Q8_UNROLL for (int i = 0; i < TILE; i++) y[i][j] = t[i];
  }
}

static void finish_tile(const int32_t *sums, const pare_q8_ending *end, int64_t m, int64_t row, int64_t rows,
                        int64_t columns) {
  v128_t y[2][TILE][EDGE];
  finish_down(sums, y[0]);
  finish_down(sums + 4, y[1]);
  for (int64_t i = 0; i < rows; i++, m += row) {
    v128_t sum[TILE][2];
    PARE_Q8_UNROLL for (int half = 0; half < 2; half++) {
      v128_t t[TILE];
      finish(y[half][i], t);
      PARE_Q8_UNROLL for (int j = 0; j < TILE; j++) sum[j][half] =
          wasm_i32x4_shr(wasm_i32x4_mul(t[j], wasm_i32x4_splat(NINTH)), SHIFTS);
    }
    pare_q8_store8(end, m, columns, sum, TILE);
  }
}

void pare_q8_winograd_finish(const pare_winograd_block *block, const int32_t *sums, const pare_q8_sink *sink,
                             int64_t n, int64_t n_all) {
  const pare_q8_ending end = pare_q8_ending_at(sink, n, n_all);
  for (int64_t y = 0; y < block->tiles[0]; y++) {
    for (int64_t x = 0; x < block->tiles[1]; x++, sums += POINTS * PANEL) {
      const int64_t rows = block->out[0] - TILE * y, columns = block->out[1] - TILE * x;
      finish_tile(sums, &end, block->first + TILE * (y * block->row + x), block->row,
                  rows < TILE ? rows : TILE, columns < TILE ? columns : TILE);
    }
  }
}
