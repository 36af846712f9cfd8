/* Channels-last convolution over f32_gemm and f32_depthwise (f32_conv_last.h). */
#include "kernels/f32_conv/f32_conv_last.h"

#include <string.h>

#include "kernels/f32_depthwise/f32_depthwise.h"

/* Rows or columns that windows reach over, from the padding's first on; -1 when that overflows. */
static int64_t reach(const pare_window *w, int i) {
  int64_t last, extent;
  if (__builtin_mul_overflow(w->out[i] - 1, w->stride[i], &last)) return -1;
  if (__builtin_mul_overflow(w->kernel[i] - 1, w->dilation[i], &extent)) return -1;
  return __builtin_add_overflow(last, extent + 1, &last) ? -1 : last;
}

static pare_status set_offsets(pare_f32_conv_last *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  const bool follow = w->stride[0] == 1 && w->stride[1] == 1 && w->out[1] * conv->cg == conv->row;
  if (follow || conv->depthwise) return PARE_OK;
  int64_t *offsets = pare_arena_array(arena, (size_t)conv->n_columns, sizeof(int64_t));
  if (!offsets) return PARE_OUT_OF_MEMORY;
  conv->offsets = offsets;
  for (int64_t y = 0; y < w->out[0]; y++)
    for (int64_t x = 0; x < w->out[1]; x++)
      *offsets++ = y * w->stride[0] * conv->row + x * w->stride[1] * conv->cg;
  return PARE_OK;
}

pare_status pare_f32_conv_last_plan(pare_f32_conv_last *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  int64_t rows = reach(w, 0), columns = reach(w, 1), kernel;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  conv->depthwise = conv->cg == 1 && conv->og == 1 && conv->groups > 1;
  conv->copies = !conv->depthwise && (conv->groups > 1 || w->pad_begin[0] > 0 || w->pad_begin[1] > 0 ||
                                      rows > w->in[0] || columns > w->in[1]);
  if (!conv->copies) {
    rows = w->in[0];
    columns = w->in[1];
  }
  const bool fits = rows >= 0 && columns >= 0 &&
                    !__builtin_mul_overflow(w->kernel[0], w->kernel[1], &kernel) &&
                    !__builtin_mul_overflow(kernel, conv->cg, &conv->k) &&
                    !__builtin_mul_overflow(columns, conv->cg, &conv->row) &&
                    !__builtin_mul_overflow(rows, conv->row, &conv->plane) &&
                    !__builtin_mul_overflow(w->out[0], w->out[1], &conv->n_columns) &&
                    conv->plane < INT64_C(1) << 40 && (size_t)conv->plane < SIZE_MAX / 16;
  if (!fits) return pare_fail(arena->ctx, PARE_BAD_MODEL, "the padded image is too large");
  return set_offsets(conv, arena);
}

size_t pare_f32_conv_last_scratch(const pare_f32_conv_last *conv) {
  return conv->copies ? (size_t)conv->plane * sizeof(float) : 0;
}

size_t pare_f32_conv_last_pack_len(const pare_f32_conv_last *conv) {
  if (conv->depthwise) return (size_t)(conv->k * conv->o);
  size_t len;
  if (!pare_mul_size((size_t)(conv->og + PARE_F32_NR - 1), (size_t)conv->k, &len) ||
      !pare_mul_size(pare_f32_pack_len(conv->k, conv->og), (size_t)conv->groups, &len))
    return 0;
  return len;
}

void pare_f32_conv_last_pack(const pare_f32_conv_last *conv, const float *w, float *packed) {
  const int64_t kernel = conv->window.kernel[0] * conv->window.kernel[1];
  if (conv->depthwise) {
    for (int64_t o = 0; o < conv->o; o++)
      for (int64_t i = 0; i < kernel; i++) packed[i * conv->o + o] = w[o * kernel + i];
    return;
  }
  const size_t group_len = pare_f32_pack_len(conv->k, conv->og);
  memset(packed, 0, group_len * (size_t)conv->groups * sizeof(float));
  for (int64_t o = 0; o < conv->o; o++) {
    const int64_t at = o % conv->og;
    float *to = packed + (size_t)(o / conv->og) * group_len + at / PARE_F32_NR * conv->k * PARE_F32_NR +
                at % PARE_F32_NR;
    for (int64_t c = 0; c < conv->cg; c++)
      for (int64_t i = 0; i < kernel; i++, w++) to[(i * conv->cg + c) * PARE_F32_NR] = *w;
  }
}

/* `n` pixels of cg channels out of c. */
static void copy_pixels(const pare_f32_conv_last *conv, const float *from, int64_t n, float *to) {
  if (conv->cg == conv->c) {
    memcpy(to, from, (size_t)(n * conv->c) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < n; i++, from += conv->c)
    for (int64_t c = 0; c < conv->cg; c++) *to++ = from[c];
}

/* The group's channels of one image with its padding; nothing further than the last window reaches. */
static void copy_padded(const pare_f32_conv_last *conv, const float *x, float *to) {
  const pare_window *w = &conv->window;
  const int64_t rows = conv->plane / conv->row, columns = conv->row / conv->cg;
  const int64_t left = w->pad_begin[1] < columns ? w->pad_begin[1] : columns;
  const int64_t n = w->in[1] < columns - left ? w->in[1] : columns - left;
  for (int64_t y = 0; y < rows; y++, to += conv->row) {
    const int64_t from = y - w->pad_begin[0];
    if (from < 0 || from >= w->in[0]) {
      memset(to, 0, (size_t)conv->row * sizeof(float));
      continue;
    }
    memset(to, 0, (size_t)(left * conv->cg) * sizeof(float));
    copy_pixels(conv, x + from * w->in[1] * conv->c, n, to + left * conv->cg);
    memset(to + (left + n) * conv->cg, 0, (size_t)((columns - left - n) * conv->cg) * sizeof(float));
  }
}

/* A kernel row is one run, unless it is dilated: then each place is a product of its own, and the sums go on. */
static void multiply(const pare_f32_conv_last *conv, const pare_f32_gemm_args *all) {
  const pare_window *w = &conv->window;
  pare_f32_gemm_args args = *all;
  if (w->dilation[1] == 1 || w->kernel[1] == 1) {
    args.k_run = w->kernel[1] * conv->cg;
    args.a_jump = w->dilation[0] * conv->row - args.k_run;
    if (w->kernel[0] == 1) args.k_run = args.a_jump = 0;
    pare_f32_gemm(conv->pool, conv->numerics, &args);
    return;
  }
  args.k = conv->cg;
  args.b_panel = conv->k * PARE_F32_NR;
  const int64_t n = w->kernel[0] * w->kernel[1];
  for (int64_t i = 0; i < n; i++) {
    const bool last = i == n - 1;
    args.a =
        all->a + i / w->kernel[1] * w->dilation[0] * conv->row + i % w->kernel[1] * w->dilation[1] * conv->cg;
    args.b = all->b + i * conv->cg * PARE_F32_NR;
    args.accumulate = i > 0;
    args.column_bias = last ? all->column_bias : NULL;
    args.add = last ? all->add : NULL;
    args.clamp_low = last ? all->clamp_low : -__builtin_inff();
    args.clamp_high = last ? all->clamp_high : __builtin_inff();
    pare_f32_gemm(conv->pool, conv->numerics, &args);
  }
}

static void forward_depthwise(const pare_f32_conv_last *conv, const pare_f32_conv_last_args *args) {
  pare_f32_depthwise_args all = {.window = &conv->window,
                                 .c = conv->c,
                                 .w = args->packed,
                                 .bias = args->bias,
                                 .clamp_low = args->clamp_low,
                                 .clamp_high = args->clamp_high,
                                 .n_rows = conv->window.out[0]};
  for (int64_t i = 0; i < conv->n; i++) {
    all.x = args->x + i * conv->plane * conv->c;
    all.y = args->y + i * conv->n_columns * conv->c;
    pare_f32_depthwise(conv->pool, &all);
  }
}

void pare_f32_conv_last_forward(const pare_f32_conv_last *conv, const pare_f32_conv_last_args *args) {
  const int64_t in_plane = conv->window.in[0] * conv->window.in[1] * conv->c;
  const bool one_product = !conv->copies && !conv->offsets && conv->k == conv->c;
  const size_t group_len = pare_f32_pack_len(conv->k, conv->og);
  if (conv->depthwise) {
    forward_depthwise(conv, args);
    return;
  }
  pare_f32_gemm_args gemm = {.m = one_product ? conv->n * conv->n_columns : conv->n_columns,
                             .n = conv->og,
                             .k = conv->k,
                             .a_row = conv->cg,
                             .a_column = 1,
                             .a_offsets = conv->offsets,
                             .c_row = conv->o,
                             .clamp_low = args->clamp_low,
                             .clamp_high = args->clamp_high};
  for (int64_t i = 0; i < (one_product ? 1 : conv->n); i++) {
    for (int64_t g = 0; g < conv->groups; g++) {
      const int64_t at = i * conv->n_columns * conv->o + g * conv->og;
      gemm.a = args->x + i * in_plane;
      if (conv->copies) {
        copy_padded(conv, gemm.a + g * conv->cg, args->scratch);
        gemm.a = args->scratch;
      }
      gemm.b = args->packed + (size_t)g * group_len;
      gemm.c = args->y + at;
      gemm.add = args->add ? args->add + at : NULL;
      gemm.column_bias = args->bias ? args->bias + g * conv->og : NULL;
      multiply(conv, &gemm);
    }
  }
}
