/* Convolution forward and backward through packed GEMM (f32_conv.h). */
#include "kernels/f32_conv/f32_conv.h"

#include <math.h>
#include <string.h>

#include "kernels/f32_conv/f32_conv_internal.h"
#include "kernels/simd.h"

/* Eight neighbours for every kernel place. */
static void pack_run(const pare_f32_conv *conv, const float *from, float *packed) {
  const int64_t *offsets = conv->offsets;
  for (int64_t k = 0; k < conv->k; k++, packed += PARE_F32_NR) {
    wasm_v128_store(packed, wasm_v128_load(from + offsets[k]));
    wasm_v128_store(packed + 4, wasm_v128_load(from + offsets[k] + 4));
  }
}

/* `n_left` columns at `left`, the others at `right + n_left`: two whole loads each, blended. Reads up to 8
 * floats around both. */
static void pack_two_runs(const pare_f32_conv *conv, const float *left, const float *right, int64_t n_left,
                          float *packed) {
  static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  const v128_t mask0 = wasm_v128_load(ones + 8 - n_left), mask1 = wasm_v128_load(ones + 12 - n_left);
  for (int64_t k = 0; k < conv->k; k++, packed += PARE_F32_NR) {
    const float *l = left + conv->offsets[k], *r = right + conv->offsets[k];
    wasm_v128_store(packed, wasm_v128_bitselect(wasm_v128_load(l), wasm_v128_load(r), mask0));
    wasm_v128_store(packed + 4, wasm_v128_bitselect(wasm_v128_load(l + 4), wasm_v128_load(r + 4), mask1));
  }
}

/* One panel: 8 columns from column `first`, each an offset into the laid-out image; packed[k][8]. */
static void pack_panel(const pare_f32_conv *conv, const float *laid, int64_t first, float *packed) {
  const int64_t width = conv->window.out[1],
                n = conv->n_columns - first < PARE_F32_NR ? conv->n_columns - first : PARE_F32_NR;
  const int64_t y = first / width, x = first % width, start = y * conv->row + x;
  if (n == PARE_F32_NR && (x + PARE_F32_NR <= width || conv->row == width)) {
    pack_run(conv, laid + start, packed);
    return;
  }
  if (n == PARE_F32_NR && x + PARE_F32_NR <= 2 * width) {
    pack_two_runs(conv, laid + start, laid + (y + 1) * conv->row - (width - x), width - x, packed);
    return;
  }
  memset(packed, 0, (size_t)(conv->k * PARE_F32_NR) * sizeof(float));
  for (int64_t e = 0; e < n; e++) {
    const float *from = laid + (first + e) / width * conv->row + (first + e) % width;
    for (int64_t k = 0; k < conv->k; k++) packed[k * PARE_F32_NR + e] = from[conv->offsets[k]];
  }
}

static bool image_bytes(const pare_f32_conv *conv, size_t *floats) {
  return pare_mul_size((size_t)conv->plane, (size_t)conv->cg, floats) &&
         pare_add_size(*floats, 2 * PARE_F32_CONV_SLACK + 16, floats);
}

/* Floats of one thread's part. */
static bool part_floats(const pare_f32_conv *conv, bool training, size_t *floats) {
  size_t image, packed, out;
  if (!image_bytes(conv, &image) || !pare_mul_size((size_t)conv->k, (size_t)conv->block, &packed))
    return false;
  if (!pare_mul_size((size_t)conv->window.out[0], (size_t)conv->row, &out) || !pare_add_size(out, 64, &out))
    return false;
  if (conv->depthwise) packed = out;
  if (conv->sparse) {
    *floats = conv->sparse->floats;
    return true;
  }
  if (training) {
    /* dy in panels, and either the transposed weight gradient or an unfolded block of the input gradient */
    size_t panels, block, weights;
    if (!pare_mul_size((size_t)conv->n_columns + 8, (size_t)conv->og + 8, &panels)) return false;
    if (!pare_mul_size((size_t)(conv->block_rows * conv->window.out[1]), (size_t)conv->k, &block))
      return false;
    if (!pare_mul_size((size_t)conv->k, (size_t)conv->og, &weights)) return false;
    if (!pare_add_size(panels, weights > block ? weights : block, &panels)) return false;
    if (panels > packed) packed = panels;
  }
  return pare_add_size(image, packed, floats);
}

pare_status pare_f32_conv_scratch(const pare_f32_conv *conv, pare_context *ctx, bool training,
                                  size_t *bytes) {
  const size_t n_threads = conv->pool ? (size_t)pare_pool_threads(conv->pool) : 1;
  if (part_floats(conv, training, bytes) && pare_mul_size(*bytes, n_threads, bytes) &&
      pare_mul_size(*bytes, sizeof(float), bytes) && *bytes < SIZE_MAX / 4) {
    return PARE_OK;
  }
  return pare_fail(ctx, PARE_BAD_MODEL, "the convolution needs more memory than there can be");
}

typedef struct forward_call {
  const pare_f32_conv *conv;
  const float *x, *w, *bias;
  float clamp_low, clamp_high;
  float *y, *scratch;
  size_t part;
  pare_pool *pool; /* inside one group of one image */
} forward_call;

static void forward_one(void *arg, int64_t i, int i_thread) {
  const forward_call *call = arg;
  const pare_f32_conv *conv = call->conv;
  const int64_t i_image = i / conv->groups, g = i % conv->groups,
                in_plane = conv->window.in[0] * conv->window.in[1];
  const float *x = call->x + (i_image * conv->c + g * conv->cg) * in_plane, *from = x;
  float *scratch = call->scratch + call->part * (size_t)i_thread;
  if (conv->sparse) {
    conv->sparse->run(conv, call->pool, i_image, g, x, call->bias, call->clamp_low, call->clamp_high, call->y,
                      scratch);
    return;
  }
  float *laid = scratch + PARE_F32_CONV_SLACK;
  float *packed = laid + conv->plane * conv->cg + PARE_F32_CONV_SLACK;
  if (conv->depthwise) {
    pare_f32_conv_depthwise(conv, i_image, g, x, call->w, call->bias, call->clamp_low, call->clamp_high,
                            call->y, laid);
    return;
  }
  /* Packing reads past the ends of rows, which only the copy allows; 1x1 has no such ends. */
  if (!pare_f32_conv_is_laid_out(conv) || conv->row != conv->window.out[1]) {
    pare_f32_conv_lay_out(conv, x, conv->cg, laid);
    from = laid;
  }
  pare_f32_gemm_args args = {.m = conv->og,
                             .k = conv->k,
                             .a = call->w + g * conv->og * conv->k,
                             .a_row = conv->k,
                             .a_column = 1,
                             .b = packed,
                             .c_row = conv->n_columns,
                             .row_bias = call->bias ? call->bias + g * conv->og : NULL,
                             .clamp_low = call->clamp_low,
                             .clamp_high = call->clamp_high};
  for (int64_t p = 0; p < conv->n_columns; p += conv->block) {
    args.n = conv->n_columns - p < conv->block ? conv->n_columns - p : conv->block;
    for (int64_t q = 0; q < args.n; q += PARE_F32_NR) pack_panel(conv, from, p + q, packed + q * conv->k);
    args.c = call->y + (i_image * conv->o + g * conv->og) * conv->n_columns + p;
    pare_f32_gemm(call->pool, conv->numerics, &args);
  }
}

void pare_f32_conv_forward(const pare_f32_conv *conv, const float *x, const float *w, const float *bias,
                           float clamp_low, float clamp_high, float *y, void *scratch) {
  size_t part = 0;
  if (!part_floats(conv, false, &part)) return; /* pare_f32_conv_scratch has refused such sizes */
  const int64_t n_items = conv->n * conv->groups;
  const bool spread = conv->pool && n_items >= pare_pool_threads(conv->pool);
  forward_call call = {conv, x, w, bias, clamp_low, clamp_high, y, scratch, part, spread ? NULL : conv->pool};
  if (spread) {
    pare_parallel_for(conv->pool, n_items, forward_one, &call);
  } else {
    for (int64_t i = 0; i < n_items; i++) forward_one(&call, i, 0);
  }
}

/* ---- backward
 * -------------------------------------------------------------------------------------------------- */

void pare_f32_conv_grad_bias(const pare_f32_conv *conv, const float *dy, float *db) {
  for (int64_t i = 0; i < conv->n; i++) {
    for (int64_t o = 0; o < conv->o; o++, dy += conv->n_columns) {
      float lane[8] = {0}; /* element p goes to lane p % 8 */
      int64_t p = 0;
      for (; p + 8 <= conv->n_columns; p += 8) {
        for (int e = 0; e < 8; e++) lane[e] += dy[p + e];
      }
      for (int e = 0; p < conv->n_columns; p++, e++) lane[e] += dy[p];
      db[o] += ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
  }
}

/* One channel: every kernel place is a sum over all outputs, kept in 8 lanes by x % 8. */
static void depthwise_grad_weight(const pare_f32_conv *conv, const float *laid, const float *dy, float *dw) {
  const int64_t width = conv->window.out[1];
  for (int64_t k = 0; k < conv->k; k++) {
    float lane[8] = {0};
    for (int64_t y = 0; y < conv->window.out[0]; y++) {
      const float *a = laid + conv->offsets[k] + y * conv->row, *b = dy + y * width;
      int64_t x = 0;
      for (; x + 8 <= width; x += 8) {
        for (int e = 0; e < 8; e++) lane[e] += a[x + e] * b[x + e];
      }
      for (int e = 0; x < width; x++, e++) lane[e] += a[x] * b[x];
    }
    dw[k] += ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
}

static void grad_weight_group(const pare_f32_conv *conv, int64_t g, const float *x, const float *dy,
                              float *dw, float *laid) {
  const int64_t in_plane = conv->window.in[0] * conv->window.in[1], n_columns = conv->n_columns;
  float *panels = laid + conv->plane * conv->cg + PARE_F32_CONV_SLACK;
  float *turned = panels + pare_f32_pack_len(n_columns, conv->og); /* dw of the group as [k, og] */
  pare_f32_gemm_args args = {.m = conv->k,
                             .n = conv->og,
                             .k = n_columns,
                             .a_column = 1,
                             .a_offsets = conv->offsets,
                             .k_run = conv->window.out[1],
                             .a_jump = conv->row - conv->window.out[1],
                             .b = panels,
                             .c = turned,
                             .c_row = conv->og,
                             .clamp_low = -INFINITY,
                             .clamp_high = INFINITY};
  for (int64_t i = 0; i < conv->n; i++) {
    const float *image = x + (i * conv->c + g * conv->cg) * in_plane,
                *d = dy + (i * conv->o + g * conv->og) * n_columns;
    args.a = image;
    if (!pare_f32_conv_is_laid_out(conv)) {
      pare_f32_conv_lay_out(conv, image, conv->cg, laid);
      args.a = laid;
    }
    if (conv->depthwise) {
      for (int64_t o = 0; o < conv->og; o++) {
        depthwise_grad_weight(conv, args.a, d + o * n_columns, dw + (g * conv->og + o) * conv->k);
      }
      continue;
    }
    pare_f32_pack_b(d, 1, n_columns, n_columns, conv->og, panels);
    args.accumulate = i > 0;
    pare_f32_gemm(conv->pool, conv->numerics, &args);
  }
  if (conv->depthwise || conv->n == 0) return;
  dw += g * conv->og * conv->k;
  for (int64_t o = 0; o < conv->og; o++) {
    for (int64_t k = 0; k < conv->k; k++) dw[o * conv->k + k] += turned[k * conv->og + o];
  }
}

void pare_f32_conv_grad_weight(const pare_f32_conv *conv, const float *x, const float *dy, float *dw,
                               void *scratch) {
  for (int64_t g = 0; g < conv->groups; g++)
    grad_weight_group(conv, g, x, dy, dw, (float *)scratch + PARE_F32_CONV_SLACK);
}

static void add_row(float *restrict to, const float *restrict from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

static void add_scaled_row(float *restrict to, const float *restrict from, float factor, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

/* laid[offsets[k] + column] += unfolded[k, column] for the output rows [first, first + rows); k ascending. */
static void fold_rows(const pare_f32_conv *conv, const float *unfolded, int64_t first, int64_t rows,
                      float *laid) {
  const int64_t width = conv->window.out[1];
  for (int64_t k = 0; k < conv->k; k++) {
    for (int64_t y = first; y < first + rows; y++, unfolded += width) {
      add_row(laid + conv->offsets[k] + y * conv->row, unfolded, width);
    }
  }
}

/* Depthwise: shifted planes of dy times one weight each; channel multipliers ascending, then k. */
static void depthwise_grad_input(const pare_f32_conv *conv, const float *w, const float *dy, float *laid) {
  const int64_t width = conv->window.out[1];
  for (int64_t o = 0; o < conv->og; o++, dy += conv->n_columns) {
    for (int64_t k = 0; k < conv->k; k++) {
      const float weight = *w++;
      for (int64_t y = 0; y < conv->window.out[0]; y++) {
        add_scaled_row(laid + conv->offsets[k] + y * conv->row, dy + y * width, weight, width);
      }
    }
  }
}

static void grad_input_group(const pare_f32_conv *conv, const float *w, const float *dy, float *dx,
                             float *laid) {
  const int64_t width = conv->window.out[1], n_columns = conv->n_columns;
  const bool direct =
      conv->k == conv->cg && pare_f32_conv_is_laid_out(conv) && n_columns == conv->plane; /* 1x1 */
  float *panels = laid + conv->plane * conv->cg + PARE_F32_CONV_SLACK;
  float *unfolded = panels + (conv->block_rows * width + 8) * conv->og;
  pare_f32_gemm_args args = {.m = conv->k,
                             .k = conv->og,
                             .a = w,
                             .a_row = 1,
                             .a_column = conv->k,
                             .b = panels,
                             .clamp_low = -INFINITY,
                             .clamp_high = INFINITY};
  if (!direct) memset(laid, 0, (size_t)(conv->plane * conv->cg) * sizeof(float));
  if (conv->depthwise) {
    depthwise_grad_input(conv, w, dy, laid);
  } else {
    for (int64_t y = 0; y < conv->window.out[0]; y += conv->block_rows) {
      const int64_t rows =
          conv->window.out[0] - y < conv->block_rows ? conv->window.out[0] - y : conv->block_rows;
      args.n = rows * width;
      pare_f32_pack_b(dy + y * width, n_columns, 1, conv->og, args.n, panels);
      args.c = direct ? dx + y * width : unfolded;
      args.c_row = direct ? n_columns : args.n;
      args.accumulate = direct;
      pare_f32_gemm(conv->pool, conv->numerics, &args);
      if (!direct) fold_rows(conv, unfolded, y, rows, laid);
    }
  }
  if (!direct) pare_f32_conv_lay_back(conv, laid, conv->cg, dx);
}

void pare_f32_conv_grad_input(const pare_f32_conv *conv, const float *w, const float *dy, float *dx,
                              void *scratch) {
  const int64_t in_plane = conv->window.in[0] * conv->window.in[1];
  for (int64_t i = 0; i < conv->n; i++) {
    for (int64_t g = 0; g < conv->groups; g++) {
      grad_input_group(conv, w + g * conv->og * conv->k, dy + (i * conv->o + g * conv->og) * conv->n_columns,
                       dx + (i * conv->c + g * conv->cg) * in_plane, (float *)scratch + PARE_F32_CONV_SLACK);
    }
  }
}
