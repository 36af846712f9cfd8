/* f32_transpose.h, blocks of four by four in registers; three rows are interleaved four columns at a time. */
#include "kernels/f32_transpose/f32_transpose.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/simd.h"

PARE_INLINE void put(float *y, v128_t v, const bool add) {
  wasm_v128_store(y, add ? wasm_f32x4_add(wasm_v128_load(y), v) : v);
}

PARE_INLINE void block(const float *x, int64_t x_row, float *y, int64_t y_row, const bool add) {
  v128_t v[4];
  for (int r = 0; r < 4; r++) v[r] = wasm_v128_load(x + r * x_row);
  pare_turn_4x4(v);
  for (int r = 0; r < 4; r++) put(y + r * y_row, v[r], add);
}

/* Four columns of three rows: the pixels of an image, one after the other. */
PARE_INLINE void interleave3(const float *x, int64_t x_row, float *y, const bool add) {
  const v128_t a = wasm_v128_load(x), b = wasm_v128_load(x + x_row), c = wasm_v128_load(x + 2 * x_row),
               low = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), high = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
  put(y, wasm_i32x4_shuffle(low, c, 0, 1, 4, 2), add);
  put(y + 4, wasm_i32x4_shuffle(wasm_i32x4_shuffle(low, c, 3, 5, 3, 5), high, 0, 1, 4, 5), add);
  put(y + 8, wasm_i32x4_shuffle(high, c, 6, 2, 3, 7), add);
}

PARE_INLINE void put_one(float *y, const float *x, const bool add) {
  if (add)
    *y += *x;
  else
    memcpy(y, x, sizeof *y); /* bits, whatever they mean */
}

/* 16 rows at a time: what is written fills whole cache lines. */
PARE_INLINE void transpose(const float *x, int64_t x_row, int64_t rows, int64_t columns, float *y,
                           int64_t y_row, const bool add) {
  int64_t done = 0;
  for (; rows == 3 && y_row == 3 && done + 4 <= columns; done += 4)
    interleave3(x + done, x_row, y + 3 * done, add);
  for (int64_t first = 0; first < rows; first += 16) {
    const int64_t end = rows - first < 16 ? rows : first + 16;
    int64_t j = done;
    for (; j + 4 <= columns; j += 4) {
      int64_t i = first;
      for (; i + 4 <= end; i += 4) block(x + i * x_row + j, x_row, y + j * y_row + i, y_row, add);
      for (; i < end; i++)
        for (int64_t e = 0; e < 4; e++) put_one(y + (j + e) * y_row + i, x + i * x_row + j + e, add);
    }
    for (; j < columns; j++)
      for (int64_t i = first; i < end; i++) put_one(y + j * y_row + i, x + i * x_row + j, add);
  }
}

void pare_f32_transpose(const float *x, int64_t x_row, int64_t rows, int64_t columns, float *y,
                        int64_t y_row) {
  transpose(x, x_row, rows, columns, y, y_row, false);
}

void pare_f32_transpose_add(const float *x, int64_t x_row, int64_t rows, int64_t columns, float *y,
                            int64_t y_row) {
  transpose(x, x_row, rows, columns, y, y_row, true);
}
