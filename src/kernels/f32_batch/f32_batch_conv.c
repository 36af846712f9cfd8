/* Running convolutions over images side by side (f32_batch_conv.h). */
#include "kernels/f32_batch/f32_batch_conv.h"

#include <string.h>

#include "kernels/f32_winograd/f32_winograd.h"

#define DY_FLOATS 5376 /* of a tile's rows of dY at a time: 21 KiB of a nearest cache of 32 */

typedef struct way_call {
  const pare_f32_batch_conv *conv;
  const pare_batch_way *way;
  pare_f32_batch_product_args args; /* of group 0: m, n, a, a_row, accumulate; b and c at the start */
  const float *b;
  float *c;
  int64_t rows, columns;    /* of the result */
  int64_t b_width, b_group; /* places in a row of b; floats of a group's channels */
  int64_t a_group;          /* floats of a group's weights */
  void (*product)(const pare_f32_batch_product_args *args);
} way_call;

/* Row `i` of the result: all groups, columns and images. */
static void run_row(void *arg, int64_t i, int i_thread) {
  const way_call *call = arg;
  const int64_t n = call->conv->n, g = i / call->rows, y = i % call->rows;
  const pare_batch_way *way = call->way;
  const pare_batch_taps *taps = way->taps + way->y.class_of[y] * way->x.n_classes;
  pare_f32_batch_product_args args = call->args;
  (void)i_thread;
  args.a += g * call->a_group;
  args.c_row = call->rows * call->columns * n;
  if (args.row_bias) args.row_bias += g * args.m;
  for (int64_t x = 0; x < call->columns; x++) {
    const pare_batch_taps *own = &taps[way->x.class_of[x]];
    args.n_taps = own->n;
    args.a_at = own->a_at;
    args.b_at = own->b_at;
    /* may point outside: the lists lead back in */
    args.b = (const float *)((uintptr_t)call->b +
                             (uintptr_t)((g * call->b_group +
                                          (way->y.base[y] * call->b_width + way->x.base[x]) * n) *
                                         (int64_t)sizeof(float)));
    args.c = call->c + (g * args.m * call->rows * call->columns + y * call->columns + x) * n;
    call->product(&args);
  }
}

void pare_f32_batch_conv_forward(const pare_f32_batch_conv *conv, const float *x, const float *w,
                                 const float *bias, float *y, void *scratch) {
  const pare_window *window = &conv->window;
  if (PARE_F32_WINOGRAD_HERE && conv->winograd.kernel) {
    pare_f32_winograd_forward(conv, x, w, bias, y, scratch);
    return;
  }
  way_call call = {.conv = conv,
                   .way = &conv->forward,
                   .args = {.m = conv->og, .n = conv->n, .a = w, .a_row = conv->k, .row_bias = bias},
                   .b = x,
                   .c = y,
                   .rows = window->out[0],
                   .columns = window->out[1],
                   .b_width = window->in[1],
                   .b_group = conv->cg * window->in[0] * window->in[1] * conv->n,
                   .a_group = conv->og * conv->k,
                   .product = pare_f32_batch_select(conv->numerics)->product};
  pare_parallel_for(conv->pool, conv->groups * call.rows, run_row, &call);
}

void pare_f32_batch_conv_grad_input(const pare_f32_batch_conv *conv, const float *w, const float *dy,
                                    bool accumulate, float *dx, void *scratch) {
  const pare_window *window = &conv->window;
  if (PARE_F32_WINOGRAD_HERE && conv->winograd.kernel) {
    pare_f32_winograd_grad_input(conv, w, dy, accumulate, dx, scratch);
    return;
  }
  way_call call = {.conv = conv,
                   .way = &conv->backward,
                   .args = {.m = conv->cg,
                            .n = conv->n,
                            .a = w,
                            .a_row = window->kernel[0] * window->kernel[1],
                            .accumulate = accumulate},
                   .b = dy,
                   .c = dx,
                   .rows = window->in[0],
                   .columns = window->in[1],
                   .b_width = window->out[1],
                   .b_group = conv->og * window->out[0] * window->out[1] * conv->n,
                   .a_group = conv->og * conv->k,
                   .product = pare_f32_batch_select(conv->numerics)->product};
  pare_parallel_for(conv->pool, conv->groups * call.rows, run_row, &call);
}

/* ---- gradient of the weights -------------------------------------------------------------------------------- */

typedef struct gradient_call {
  const pare_f32_batch_conv *conv;
  const float *x, *dy;
  float *dw, *scratch;
  int64_t n_tiles; /* of rows, per group */
  void (*gradient)(const pare_f32_batch_gradient_args *args);
} gradient_call;

/* Outputs [*first, *end) along axis i whose input at kernel place k lies inside, cut to what is given. */
static void cut(const pare_window *w, int i, int64_t k, int64_t *first, int64_t *end) {
  const int64_t s = w->stride[i], start = k * w->dilation[i] - w->pad_begin[i]; /* input at output 0 */
  const int64_t low = start >= 0 ? 0 : (-start + s - 1) / s,
                high = w->in[i] > start ? (w->in[i] - start - 1) / s + 1 : 0;
  if (*first < low) *first = low;
  if (*end > high) *end = high;
}

/* Adds the part of outputs [y, y_end) x [x, x_end) to the sums of one kernel place, all channels. */
static void add_part(const gradient_call *call, int64_t g, int64_t o, int64_t rows, int64_t i, int64_t j,
                     int64_t y, int64_t y_end, int64_t x, int64_t x_end, float *sums) {
  const pare_f32_batch_conv *conv = call->conv;
  const pare_window *w = &conv->window;
  const int64_t n = conv->n, in_plane = w->in[0] * w->in[1] * n;
  cut(w, 0, i, &y, &y_end);
  cut(w, 1, j, &x, &x_end);
  if (y >= y_end || x >= x_end) return;
  const int64_t in_y = y * w->stride[0] + i * w->dilation[0] - w->pad_begin[0],
                in_x = x * w->stride[1] + j * w->dilation[1] - w->pad_begin[1];
  pare_f32_batch_gradient_args args = {.rows = rows,
                                       .n_y = y_end - y,
                                       .n_x = x_end - x,
                                       .n = n,
                                       .dy_row = w->out[0] * w->out[1] * n,
                                       .dy_y = w->out[1] * n,
                                       .x_row = in_plane,
                                       .x_y = w->stride[0] * w->in[1] * n,
                                       .x_x = w->stride[1] * n};
  args.dy = call->dy + o * args.dy_row + (y * w->out[1] + x) * n;
  for (int64_t c = 0; c < conv->cg; c += PARE_F32_BATCH_TAPS) {
    args.taps = conv->cg - c < PARE_F32_BATCH_TAPS ? conv->cg - c : PARE_F32_BATCH_TAPS;
    args.x = call->x + (g * conv->cg + c) * in_plane + (in_y * w->in[1] + in_x) * n;
    args.sums = sums + c * PARE_F32_BATCH_ROWS * PARE_F32_BATCH_LANES;
    call->gradient(&args);
  }
}

/* sums [kernel][channel pair][row][2][8] folded onto dw. */
static void fold(const pare_f32_batch_conv *conv, int64_t o, int64_t rows, int64_t per_place,
                 const float *sums, float *dw) {
  const int64_t kernel = conv->window.kernel[0] * conv->window.kernel[1];
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < conv->cg; c++) {
      for (int64_t k = 0; k < kernel; k++) {
        const int64_t pair = c / PARE_F32_BATCH_TAPS * PARE_F32_BATCH_ROWS + r;
        const float *lane = sums + k * per_place +
                            (pair * PARE_F32_BATCH_TAPS + c % PARE_F32_BATCH_TAPS) * PARE_F32_BATCH_LANES;
        dw[(o + r) * conv->k + c * kernel + k] +=
            ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
      }
    }
  }
}

/* Tile `i`: up to six output channels of a group. */
static void run_tile(void *arg, int64_t i, int i_thread) {
  const gradient_call *call = arg;
  const pare_f32_batch_conv *conv = call->conv;
  const pare_window *w = &conv->window;
  const int64_t g = i / call->n_tiles, in_group = i % call->n_tiles * PARE_F32_BATCH_ROWS,
                left = conv->og - in_group, rows = left < PARE_F32_BATCH_ROWS ? left : PARE_F32_BATCH_ROWS,
                o = g * conv->og + in_group;
  const int64_t kernel = w->kernel[0] * w->kernel[1],
                pairs = (conv->cg + PARE_F32_BATCH_TAPS - 1) / PARE_F32_BATCH_TAPS,
                per_place = pairs * PARE_F32_BATCH_TAPS * PARE_F32_BATCH_ROWS * PARE_F32_BATCH_LANES;
  int64_t band = DY_FLOATS / (PARE_F32_BATCH_ROWS * w->out[1] * conv->n),
          part = DY_FLOATS / (PARE_F32_BATCH_ROWS * conv->n);
  if (band < 1) band = 1;
  if (part < 4) part = 4;
  float *sums = call->scratch + i_thread * kernel * per_place;
  memset(sums, 0, (size_t)(kernel * per_place) * sizeof(float));
  for (int64_t y = 0; y < w->out[0]; y += band) {
    const int64_t y_end = y + band < w->out[0] ? y + band : w->out[0];
    for (int64_t x = 0; x < w->out[1]; x += part) {
      const int64_t x_end = x + part < w->out[1] ? x + part : w->out[1];
      for (int64_t k = 0; k < kernel; k++) {
        add_part(call, g, o, rows, k / w->kernel[1], k % w->kernel[1], y, y_end, x, x_end,
                 sums + k * per_place);
      }
    }
  }
  fold(conv, o, rows, per_place, sums, call->dw);
}

void pare_f32_batch_conv_grad_weight(const pare_f32_batch_conv *conv, const float *x, const float *dy,
                                     float *dw, void *scratch) {
  if (PARE_F32_WINOGRAD_HERE && conv->winograd.kernel) {
    pare_f32_winograd_grad_weight(conv, x, dy, dw, scratch);
    return;
  }
  gradient_call call = {.conv = conv,
                        .x = x,
                        .dy = dy,
                        .dw = dw,
                        .scratch = scratch,
                        .n_tiles = (conv->og + PARE_F32_BATCH_ROWS - 1) / PARE_F32_BATCH_ROWS,
                        .gradient = pare_f32_batch_select(conv->numerics)->gradient};
  pare_parallel_for(conv->pool, conv->groups * call.n_tiles, run_tile, &call);
}

/* Rows of images in 8 lanes, rows ascending. */
void pare_f32_batch_conv_grad_bias(const pare_f32_batch_conv *conv, const float *dy, float *db) {
  const int64_t length = conv->window.out[1] * conv->n;
  for (int64_t o = 0; o < conv->o; o++) {
    for (int64_t y = 0; y < conv->window.out[0]; y++, dy += length) {
      float lane[8] = {0};
      for (int64_t p = 0; p < length; p += 8) {
        for (int e = 0; e < 8; e++) lane[e] += dy[p + e];
      }
      db[o] += ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
  }
}
