/* Depthwise convolution without packing: the sum over kernel places of shifted planes, 16 outputs of a
 * whole laid-out plane at a time (four independent sums), then the rows cut out. Each output adds its
 * places in ascending order: the bytes of the GEMM form. */
#include <math.h>
#include <string.h>

#include "kernels/f32_conv/f32_conv_internal.h"
#include "kernels/simd.h"

/* sums[i] = sum_k w[k] laid[offsets[k] + i] + bias, clamped, for i < n rounded up to 16 */
static void sum_shifted(const pare_f32_conv *conv, const float *laid, const float *w, float bias, float low,
                        float high, int64_t n, float *sums) {
  const v128_t bias4 = wasm_f32x4_splat(bias), low4 = wasm_f32x4_splat(low), high4 = wasm_f32x4_splat(high);
  for (int64_t i = 0; i < n; i += 16) {
    v128_t s0 = wasm_f32x4_splat(0.0f), s1 = s0, s2 = s0, s3 = s0;
    for (int64_t k = 0; k < conv->k; k++) {
      const float *from = laid + conv->offsets[k] + i;
      const v128_t weight = wasm_f32x4_splat(w[k]);
      s0 = wasm_f32x4_add(s0, wasm_f32x4_mul(weight, wasm_v128_load(from)));
      s1 = wasm_f32x4_add(s1, wasm_f32x4_mul(weight, wasm_v128_load(from + 4)));
      s2 = wasm_f32x4_add(s2, wasm_f32x4_mul(weight, wasm_v128_load(from + 8)));
      s3 = wasm_f32x4_add(s3, wasm_f32x4_mul(weight, wasm_v128_load(from + 12)));
    }
    v128_t all[4] = {s0, s1, s2, s3};
    for (int v = 0; v < 4; v++) {
      const v128_t x = wasm_f32x4_pmax(wasm_f32x4_add(all[v], bias4), low4);
      wasm_v128_store(sums + i + 4 * v, wasm_f32x4_pmin(x, high4));
    }
  }
}

void pare_f32_conv_depthwise(const pare_f32_conv *conv, int64_t i_image, int64_t i_channel, const float *x,
                             const float *w, const float *bias, float clamp_low, float clamp_high, float *y,
                             float *scratch) {
  const int64_t width = conv->window.out[1], n = conv->window.out[0] * conv->row;
  float *sums = scratch + conv->plane + PARE_F32_CONV_SLACK;
  pare_f32_conv_lay_out(conv, x, 1, scratch);
  memset(scratch + conv->plane, 0,
         PARE_F32_CONV_SLACK * sizeof(float)); /* read by the last sums, which are thrown away */
  for (int64_t j = 0; j < conv->og; j++) {
    const int64_t o = i_channel * conv->og + j;
    float *to = y + (i_image * conv->o + o) * conv->n_columns;
    sum_shifted(conv, scratch, w + o * conv->k, bias ? bias[o] : 0.0f, clamp_low, clamp_high, n, sums);
    for (int64_t row = 0; row < conv->window.out[0]; row++) {
      memcpy(to + row * width, sums + row * conv->row, (size_t)width * sizeof(float));
    }
  }
}
