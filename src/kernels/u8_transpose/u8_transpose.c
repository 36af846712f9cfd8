/* u8_transpose.h: blocks of eight by eight in registers; three rows are interleaved sixteen columns at a time. */
#include "kernels/u8_transpose/u8_transpose.h"

#include "kernels/simd.h"

PARE_INLINE void interleave3(const uint8_t *x, int64_t columns, uint8_t *y) {
  const v128_t a = wasm_v128_load(x), b = wasm_v128_load(x + columns), c = wasm_v128_load(x + 2 * columns);
  /* what of a and b is due in each third, then c in the gaps */
  v128_t ab = wasm_i8x16_shuffle(a, b, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
  wasm_v128_store(y, wasm_i8x16_shuffle(ab, c, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
  ab = wasm_i8x16_shuffle(a, b, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
  wasm_v128_store(y + 16, wasm_i8x16_shuffle(ab, c, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
  ab = wasm_i8x16_shuffle(a, b, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
  wasm_v128_store(y + 32,
                  wasm_i8x16_shuffle(ab, c, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
}

#define LOW_BYTES(a, b) wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)

/* Eight columns of two pairs of rows, as words of a pair: [column][4]. */
PARE_INLINE void four_rows(const uint8_t *x, int64_t columns, v128_t out[2]) {
  const v128_t first = LOW_BYTES(wasm_v128_load64_zero(x), wasm_v128_load64_zero(x + columns));
  x += 2 * columns;
  const v128_t second = LOW_BYTES(wasm_v128_load64_zero(x), wasm_v128_load64_zero(x + columns));
  out[0] = wasm_i16x8_shuffle(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
  out[1] = wasm_i16x8_shuffle(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
}

PARE_INLINE void block(const uint8_t *x, int64_t columns, uint8_t *y, int64_t rows) {
  v128_t top[2], bottom[2];
  four_rows(x, columns, top);
  four_rows(x + 4 * columns, columns, bottom);
  for (int i = 0; i < 2; i++, y += 4 * rows) {
    const v128_t low = wasm_i32x4_shuffle(top[i], bottom[i], 0, 4, 1, 5),
                 high = wasm_i32x4_shuffle(top[i], bottom[i], 2, 6, 3, 7);
    wasm_v128_store64_lane(y, low, 0);
    wasm_v128_store64_lane(y + rows, low, 1);
    wasm_v128_store64_lane(y + 2 * rows, high, 0);
    wasm_v128_store64_lane(y + 3 * rows, high, 1);
  }
}

void pare_u8_transpose(const uint8_t *x, int64_t rows, int64_t columns, uint8_t *y) {
  int64_t j = 0;
  for (; rows == 3 && j + 16 <= columns; j += 16) interleave3(x + j, columns, y + 3 * j);
  for (; rows >= 8 && j + 8 <= columns; j += 8) {
    int64_t i = 0;
    for (; i + 8 <= rows; i += 8) block(x + i * columns + j, columns, y + j * rows + i, rows);
    for (; i < rows; i++)
      for (int64_t e = j; e < j + 8; e++) y[e * rows + i] = x[i * columns + e];
  }
  for (; j < columns; j++)
    for (int64_t i = 0; i < rows; i++) y[j * rows + i] = x[i * columns + j];
}
