/* s16_depthwise.h in Wasm SIMD: eight outputs of a row at once, two taps per i32x4.dot_i16x8 (their columns interleaved). Strides other than
 * 1 and 2 go to the reference. */
#include "kernels/s16_depthwise/s16_depthwise.h"
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

/* Where the next tap reads, walking rows first. */
typedef struct walk {
  int64_t i, j;
} walk;

PARE_INLINE const int16_t *next(walk *at, const pare_s16_depthwise_args *args, const int16_t *x) {
  const pare_window *w = args->window;
  const int16_t *from = x + at->i * w->dilation[0] * args->x_row + at->j * w->dilation[1];
  if (++at->j == w->kernel[1]) {
    at->j = 0;
    at->i++;
  }
  return from;
}

PARE_INLINE void eight(const pare_s16_depthwise_args *args, const int16_t *x, int32_t *acc,
                       const int stride) {
  const int64_t n_taps = args->window->kernel[0] * args->window->kernel[1];
  v128_t low = wasm_i32x4_splat(0), high = low;
  walk at = {0, 0};
  for (int64_t t = 0; t < n_taps; t += 2) {
    const bool both = t + 1 < n_taps;
    const v128_t u = load(next(&at, args, x), stride);
    const v128_t v = both ? load(next(&at, args, x), stride) : wasm_i16x8_splat(0);
    const v128_t taps = splat_pair(args->w[t], both ? args->w[t + 1] : 0);
    const v128_t first = wasm_i16x8_shuffle(u, v, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t second = wasm_i16x8_shuffle(u, v, 4, 12, 5, 13, 6, 14, 7, 15);
    low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(first, taps));
    high = wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(second, taps));
  }
  wasm_v128_store(acc, low);
  wasm_v128_store(acc + 4, high);
}

PARE_INLINE void plane(const pare_s16_depthwise_args *args, const int stride) {
  const pare_window *w = args->window;
  for (int64_t p = 0; p < w->out[0]; p++) {
    const int16_t *x = args->x + p * w->stride[0] * args->x_row;
    for (int64_t q = 0; q < w->out[1]; q += 8)
      eight(args, x + q * stride, args->acc + p * args->acc_row + q, stride);
  }
}

void pare_s16_depthwise__simd128_1x8(const pare_s16_depthwise_args *args) {
  if (args->window->stride[1] == 1)
    plane(args, 1);
  else if (args->window->stride[1] == 2)
    plane(args, 2);
  else
    pare_s16_depthwise__ref(args);
}
