/* s16_conv.h: widening, packing and walking the blocks. */
#include "kernels/s16_conv/s16_conv.h"

#include <string.h>

#include "kernels/s16_depthwise/s16_depthwise.h"
#include "kernels/simd.h"

#define BLOCK_NUMBERS 8192 /* a block of panels is about 16 kB: half of the first cache */

static pare_status too_large(pare_arena *arena) {
  return pare_fail(arena->ctx, PARE_BAD_MODEL, "the convolution is too large");
}

pare_status pare_s16_conv_plan(pare_s16_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  if (__builtin_mul_overflow(conv->cg, w->kernel[0] * w->kernel[1], &conv->k)) return too_large(arena);
  if (conv->k > PARE_S16_MAX_K) {
    return pare_fail(arena->ctx, PARE_UNSUPPORTED,
                     "sums of %lld products may overflow 32 bits (at most %d are there)", (long long)conv->k,
                     PARE_S16_MAX_K);
  }
  conv->depthwise = conv->groups > 1 && conv->cg == 1;
  conv->a_row = 2 * pare_s16_pairs(conv->k);
  conv->columns = w->out[0] * w->out[1];
  conv->row = w->in[1] + w->pad_begin[1] + w->pad_end[1];
  const int64_t rows = w->in[0] + w->pad_begin[0] + w->pad_end[0];
  int64_t image;
  if (__builtin_mul_overflow(conv->row, rows, &conv->plane) ||
      __builtin_mul_overflow(conv->plane, conv->cg, &image) || image > INT32_MAX)
    return too_large(arena);
  conv->block = BLOCK_NUMBERS / conv->a_row / 8 * 8;
  if (conv->block < 16) conv->block = 16;
  const int64_t whole = pare_s16_panels(conv->columns) * PARE_S16_NR;
  if (conv->block > whole) conv->block = whole;
  if (conv->og > INT32_MAX / 16 / conv->block) return too_large(arena); /* a block of sums */
  conv->image_len = (size_t)image + PARE_S16_DEPTHWISE_SLACK;
  conv->image_len = (conv->image_len + 7) / 8 * 8;
  conv->panel_len = conv->depthwise ? 0 : (size_t)(conv->block * conv->a_row);
  const int64_t out_row = (w->out[1] + 7) / 8 * 8;
  conv->acc_len =
      conv->depthwise ? (size_t)(w->out[0] * out_row) : (size_t)(conv->block * ((conv->og + 3) / 4 * 4));
  int64_t *offsets = pare_arena_array(arena, (size_t)conv->a_row, sizeof *offsets);
  if (!offsets) return PARE_OUT_OF_MEMORY;
  int64_t at = 0;
  for (int64_t c = 0; c < conv->cg; c++)
    for (int64_t i = 0; i < w->kernel[0]; i++)
      for (int64_t j = 0; j < w->kernel[1]; j++)
        offsets[at++] = c * conv->plane + i * w->dilation[0] * conv->row + j * w->dilation[1];
  /* the row that fills up an odd k meets weights of zero: any place will do */
  if (at < conv->a_row) offsets[at] = offsets[at - 1];
  conv->offsets = offsets;
  return PARE_OK;
}

static size_t thread_bytes(const pare_s16_conv *conv) {
  return (conv->image_len + conv->panel_len) * sizeof(int16_t) +
         (conv->acc_len + 4) / 4 * 4 * sizeof(int32_t);
}

pare_status pare_s16_conv_scratch(const pare_s16_conv *conv, pare_context *ctx, size_t *bytes) {
  if (!pare_mul_size(thread_bytes(conv), (size_t)pare_pool_threads(conv->pool), bytes))
    return pare_fail(ctx, PARE_BAD_MODEL, "the convolution is too large");
  return PARE_OK;
}

typedef struct work {
  const pare_s16_conv *conv;
  const uint8_t *x;
  int32_t zero_x;
  const int16_t *w;
  pare_s16_conv_store store;
  void *arg;
  uint8_t *scratch;
  pare_s16_gemm_fn gemm;
  void (*depthwise)(const pare_s16_depthwise_args *args);
} work;

/* The group's channels at `x`, widened, with zeros around. */
static void lay_out(const pare_s16_conv *conv, const uint8_t *x, int32_t zero_x, int16_t *image) {
  const pare_window *w = &conv->window;
  const bool padded = w->pad_begin[0] || w->pad_end[0] || w->pad_begin[1] || w->pad_end[1];
  if (!padded) {
    pare_s16_widen(x, conv->x_signed, zero_x, conv->cg * conv->plane, image);
    return;
  }
  memset(image, 0, (size_t)(conv->cg * conv->plane) * sizeof *image);
  for (int64_t c = 0; c < conv->cg; c++) {
    for (int64_t i = 0; i < w->in[0]; i++, x += w->in[1]) {
      int16_t *to = image + c * conv->plane + (i + w->pad_begin[0]) * conv->row + w->pad_begin[1];
      pare_s16_widen(x, conv->x_signed, zero_x, w->in[1], to);
    }
  }
}

/* A panel of 8 outputs of one row: places `stride` apart, stride 1 or 2. */
PARE_INLINE void pack_run(const pare_s16_conv *conv, const int16_t *from, const int stride, int16_t *panel) {
  for (int64_t k = 0; k < conv->a_row; k += 2, panel += 16) {
    const int16_t *a = from + conv->offsets[k], *b = from + conv->offsets[k + 1];
    v128_t u = wasm_v128_load(a), v = wasm_v128_load(b);
    if (stride == 2) {
      u = wasm_i16x8_shuffle(u, wasm_v128_load(a + 8), 0, 2, 4, 6, 8, 10, 12, 14);
      v = wasm_i16x8_shuffle(v, wasm_v128_load(b + 8), 0, 2, 4, 6, 8, 10, 12, 14);
    }
    wasm_v128_store(panel, wasm_i16x8_shuffle(u, v, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(panel + 8, wasm_i16x8_shuffle(u, v, 4, 12, 5, 13, 6, 14, 7, 15));
  }
}

/* A panel whose outputs lie anywhere. */
static void pack_any(const pare_s16_conv *conv, const int16_t *image, const int64_t places[8],
                     int16_t *panel) {
  for (int64_t k = 0; k < conv->a_row; k += 2) {
    const int16_t *a = image + conv->offsets[k], *b = image + conv->offsets[k + 1];
    for (int j = 0; j < 8; j++) {
      *panel++ = a[places[j]];
      *panel++ = b[places[j]];
    }
  }
}

static void pack_panel(const pare_s16_conv *conv, const int16_t *image, int64_t column, int16_t *panel) {
  const pare_window *w = &conv->window;
  const int64_t y = column / w->out[1], x = column % w->out[1];
  if (x + 8 <= w->out[1] && w->stride[1] <= 2) {
    const int16_t *from = image + y * w->stride[0] * conv->row + x * w->stride[1];
    if (w->stride[1] == 1)
      pack_run(conv, from, 1, panel);
    else
      pack_run(conv, from, 2, panel);
    return;
  }
  int64_t places[8];
  for (int64_t j = 0; j < 8; j++) {
    const int64_t at = column + j < conv->columns ? column + j : conv->columns - 1;
    places[j] = at / w->out[1] * w->stride[0] * conv->row + at % w->out[1] * w->stride[1];
  }
  pack_any(conv, image, places, panel);
}

static void run_gemm(const work *all, int64_t i, int64_t group, const int16_t *image, int16_t *panels,
                     int32_t *acc) {
  const pare_s16_conv *conv = all->conv;
  for (int64_t first = 0; first < conv->columns; first += conv->block) {
    const int64_t n = conv->columns - first < conv->block ? conv->columns - first : conv->block;
    const int64_t n_panels = pare_s16_panels(n);
    for (int64_t p = 0; p < n_panels; p++)
      pack_panel(conv, image, first + p * PARE_S16_NR, panels + p * conv->a_row * PARE_S16_NR);
    const pare_s16_gemm_args args = {.m = conv->og,
                                     .n_panels = n_panels,
                                     .k_pairs = conv->a_row / 2,
                                     .a = all->w + group * conv->og * conv->a_row,
                                     .a_row = conv->a_row,
                                     .b = panels,
                                     .c = acc,
                                     .c_row = conv->block};
    all->gemm(&args);
    for (int64_t o = 0; o < conv->og; o++)
      all->store(all->arg, i, group * conv->og + o, first, n, acc + o * conv->block);
  }
}

static void run_depthwise(const work *all, int64_t i, int64_t group, const int16_t *image, int32_t *acc) {
  const pare_s16_conv *conv = all->conv;
  const int64_t out_row = (conv->window.out[1] + 7) / 8 * 8;
  for (int64_t o = group * conv->og; o < (group + 1) * conv->og; o++) {
    const pare_s16_depthwise_args args = {&conv->window, image,  conv->row, all->w + o * conv->a_row,
                                          acc,           out_row};
    all->depthwise(&args);
    /* close the gaps, so that all outputs are one run */
    for (int64_t y = 1; y < conv->window.out[0] && out_row != conv->window.out[1]; y++)
      memmove(acc + y * conv->window.out[1], acc + y * out_row, (size_t)conv->window.out[1] * sizeof *acc);
    all->store(all->arg, i, o, 0, conv->columns, acc);
  }
}

static void run_group(void *arg, int64_t index, int i_thread) {
  const work *all = arg;
  const pare_s16_conv *conv = all->conv;
  const int64_t i = index / conv->groups, group = index % conv->groups;
  int32_t *acc = (int32_t *)(void *)(all->scratch + (size_t)i_thread * thread_bytes(conv));
  int16_t *image = (int16_t *)(void *)(acc + (conv->acc_len + 4) / 4 * 4), *panels = image + conv->image_len;
  const int64_t in = conv->window.in[0] * conv->window.in[1];
  lay_out(conv, all->x + (i * conv->c + group * conv->cg) * in, all->zero_x, image);
  if (conv->depthwise)
    run_depthwise(all, i, group, image, acc);
  else
    run_gemm(all, i, group, image, panels, acc);
}

void pare_s16_conv_run(const pare_s16_conv *conv, const void *x, int32_t zero_x, const int16_t *w,
                       pare_s16_conv_store store, void *arg, void *scratch) {
  work all = {
      conv, x, zero_x, w, store, arg, scratch, pare_s16_gemm_select()->run, pare_s16_depthwise_select()->run};
  pare_parallel_for(conv->pool, conv->n * conv->groups, run_group, &all);
}
