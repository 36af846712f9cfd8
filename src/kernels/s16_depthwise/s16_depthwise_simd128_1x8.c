/* s16_depthwise.h in Wasm SIMD: eight outputs of a row at once, two taps per i32x4.dot_i16x8 (their columns interleaved). Strides other than
 * 1 and 2, and windows of more than 64 taps, go to the reference. */
#include "kernels/s16_depthwise/s16_depthwise.h"

#include <string.h>

#include "kernels/simd.h"

void pare_s16_depthwise__simd128_1x8(const pare_s16_depthwise_args *args);
void pare_s16_depthwise__ref(const pare_s16_depthwise_args *args);

PARE_INLINE v128_t load(const int16_t *x, const int stride) {
  if (stride == 1) return wasm_v128_load(x);
  return wasm_i16x8_shuffle(wasm_v128_load(x), wasm_v128_load(x + 8), 0, 2, 4, 6, 8, 10, 12, 14);
}

PARE_INLINE v128_t splat_pair(int16_t first, int16_t second) {
  return wasm_i32x4_splat((int32_t)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16));
}

#define MOST_TAPS 64

/* What is the same for every output: where the taps read, and their weights in pairs, an odd one filled up with a zero. */
typedef struct tap_table {
  int64_t n_pairs;
  int64_t offsets[MOST_TAPS];
  v128_t weights[MOST_TAPS / 2];
} tap_table;

static void fill_table(const pare_s16_depthwise_args *args, tap_table *table) {
  const pare_window *w = args->window;
  const int64_t n_taps = w->kernel[0] * w->kernel[1];
  table->n_pairs = (n_taps + 1) / 2;
  for (int64_t t = 0; t < 2 * table->n_pairs; t++) {
    const int64_t at = t < n_taps ? t : n_taps - 1; /* meets a weight of zero: any place will do */
    table->offsets[t] = at / w->kernel[1] * w->dilation[0] * args->x_row + at % w->kernel[1] * w->dilation[1];
  }
  for (int64_t p = 0; p < table->n_pairs; p++)
    table->weights[p] = splat_pair(args->w[2 * p], 2 * p + 1 < n_taps ? args->w[2 * p + 1] : 0);
}

PARE_INLINE void eight(const tap_table *table, const int16_t *x, int32_t *acc, const int stride) {
  v128_t low = wasm_i32x4_splat(0), high = low;
  for (int64_t p = 0; p < table->n_pairs; p++) {
    const v128_t u = load(x + table->offsets[2 * p], stride), v = load(x + table->offsets[2 * p + 1], stride);
    const v128_t first = wasm_i16x8_shuffle(u, v, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t second = wasm_i16x8_shuffle(u, v, 4, 12, 5, 13, 6, 14, 7, 15);
    low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(first, table->weights[p]));
    high = wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(second, table->weights[p]));
  }
  wasm_v128_store(acc, low);
  wasm_v128_store(acc + 4, high);
}

PARE_INLINE void plane(const pare_s16_depthwise_args *args, const int stride) {
  const pare_window *w = args->window;
  tap_table table;
  memset(&table, 0, sizeof table);
  fill_table(args, &table);
  for (int64_t p = 0; p < w->out[0]; p++) {
    const int16_t *x = args->x + p * w->stride[0] * args->x_row;
    for (int64_t q = 0; q < w->out[1]; q += 8)
      eight(&table, x + q * stride, args->acc + p * args->acc_row + q, stride);
  }
}

void pare_s16_depthwise__simd128_1x8(const pare_s16_depthwise_args *args) {
  const bool fits = args->window->kernel[0] * args->window->kernel[1] <= MOST_TAPS;
  if (fits && args->window->stride[1] == 1)
    plane(args, 1);
  else if (fits && args->window->stride[1] == 2)
    plane(args, 2);
  else
    pare_s16_depthwise__ref(args);
}
