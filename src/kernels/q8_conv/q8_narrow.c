/* q8_narrow.h in Wasm SIMD. */
#include "kernels/q8_conv/q8_narrow.h"

#include "kernels/q8_conv/q8_conv.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

#define CHANNELS PARE_Q8_NARROW_CHANNELS
#define HALF     (CHANNELS / 2)
#define GROUP    4  /* places of a vector */
#define GROUPS   2  /* in registers, by all channels */
#define SLACK    32 /* elements that vectors may reach past an end */

const pare_q8_gemm_kernel pare_q8_narrow_packing = {.format = PARE_Q8_WIDE, .panel = CHANNELS};

bool pare_q8_narrow_suits(const pare_q8_conv *conv) {
  const pare_window *w = &conv->window;
  return conv->c == 1 && conv->o <= CHANNELS && w->stride[1] == 1 && w->dilation[0] == 1 &&
         w->dilation[1] == 1 && /* and what keeps offsets small: */
         w->kernel[0] <= 64 && w->stride[0] <= 4 && w->in[1] + w->pad_begin[1] + w->pad_end[1] <= 65536;
}

int64_t pare_q8_narrow_steps(const pare_q8_conv *conv) {
  const int64_t *kernel = conv->window.kernel;
  return kernel[0] / 2 * kernel[1] + kernel[0] % 2 * ((kernel[1] + 1) / 2);
}

void pare_q8_narrow_plan(const pare_q8_conv *conv, int32_t *steps, int64_t *from) {
  const int64_t height = conv->window.kernel[0], width = conv->window.kernel[1];
  for (int64_t y = 0; y < height; y += 2) {
    const bool below = y + 1 < height;
    for (int64_t x = 0; x < width; x += below ? 1 : 2) {
      *steps++ = (int32_t)(2 * (y * conv->row + x + (below ? 0 : conv->strip_len)));
      *from++ = y * width + x;
      *from++ = below ? (y + 1) * width + x : x + 1 < width ? y * width + x + 1 : -1;
    }
  }
}

int64_t pare_q8_narrow_pairs_len(const pare_q8_conv *conv) {
  return pare_q8_round_up(4 * conv->strip_len + SLACK, 32);
}

/* out[i] = a[i], b[i] */
static void pair_up(const int16_t *a, const int16_t *b, int64_t n, int16_t *out) {
  for (int64_t i = 0; i < n; i += 8, out += 16) {
    const v128_t left = wasm_v128_load(a + i), right = wasm_v128_load(b + i);
    wasm_v128_store(out, wasm_i16x8_shuffle(left, right, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(out + 8, wasm_i16x8_shuffle(left, right, 4, 12, 5, 13, 6, 14, 7, 15));
  }
}

void pare_q8_narrow_pair(const pare_q8_conv *conv, const int16_t *strip, int64_t in_rows, int16_t *pairs) {
  const int64_t len = in_rows * conv->row;
  pair_up(strip, strip + conv->row, len - conv->row, pairs);
  pair_up(strip, strip + 1, len, pairs + 2 * conv->strip_len);
}

/* Sums of four places each, whose first pairs are at[group], for three channels: engines load all of a step first, and six would not fit. */
static void sum_up(const int32_t *steps, int64_t n, const int16_t *const at[GROUPS], const int16_t *weights,
                   const int32_t *bias, v128_t (*out)[GROUPS]) {
  v128_t sum[HALF][GROUPS];
  PARE_Q8_UNROLL for (int c = 0; c < HALF; c++) sum[c][0] = sum[c][1] = wasm_v128_load32_splat(bias + c);
  for (const int32_t *past = steps + n; steps < past; steps++, weights += 2 * CHANNELS) {
    const v128_t first = wasm_v128_load(at[0] + *steps), second = wasm_v128_load(at[1] + *steps);
    PARE_Q8_UNROLL for (int c = 0; c < HALF; c++) {
      const v128_t w = wasm_v128_load32_splat(weights + 2 * c);
      sum[c][0] = wasm_i32x4_add(sum[c][0], wasm_i32x4_dot_i16x8(first, w));
      sum[c][1] = wasm_i32x4_add(sum[c][1], wasm_i32x4_dot_i16x8(second, w));
    }
  }
  PARE_Q8_UNROLL for (int c = 0; c < HALF; c++) out[c][0] = sum[c][0], out[c][1] = sum[c][1];
}

/* Four channels of four places become four places of four channels. */
PARE_INLINE void turn(v128_t a, v128_t b, v128_t c, v128_t d, v128_t (*out)[2], const int half) {
  v128_t places[4] = {a, b, c, d};
  pare_turn_4x4(places);
  PARE_Q8_UNROLL for (int i = 0; i < 4; i++) out[i][half] = places[i];
}

/* Groups of four places go from left to right through row after row; what the last of a row has too much, the next row overwrites. */
void pare_q8_narrow_run(const pare_q8_conv *conv, const int16_t *pairs, int64_t rows, const int16_t *weights,
                        const pare_q8_sink *sink) {
  const pare_window *w = &conv->window;
  const int64_t width = w->out[1], n = rows * ((width + GROUP - 1) / GROUP);
  const pare_q8_ending end = pare_q8_ending_at(sink, 0, conv->o);
  int64_t y = 0, x = 0;
  for (int64_t i = 0; i < n; i += GROUPS) {
    const int16_t *at[GROUPS];
    int64_t m[GROUPS];
    v128_t sums[CHANNELS][GROUPS];
    PARE_Q8_UNROLL for (int g = 0; g < GROUPS; g++) {
      m[g] = y * width + x;
      at[g] = pairs + 2 * (y * w->stride[0] * conv->row + x);
      if (x + GROUP < width)
        x += GROUP;
      else if (y + 1 < rows)
        y++, x = 0;
    }
    PARE_Q8_ROLLED for (int c = 0; c < CHANNELS; c += HALF)
        sum_up(conv->steps, conv->n_runs, at, weights + 2 * c, sink->bias + c, sums + c);
    PARE_Q8_ROLLED for (int g = 0; g < GROUPS; g++) {
      v128_t places[GROUP][2];
      turn(sums[0][g], sums[1][g], sums[2][g], sums[3][g], places, 0);
      turn(sums[4][g], sums[5][g], sums[4][g], sums[5][g], places, 1);
      pare_q8_end8(&end, m[g], rows * width - m[g], (const v128_t(*)[2])places, GROUP, true);
    }
  }
}
