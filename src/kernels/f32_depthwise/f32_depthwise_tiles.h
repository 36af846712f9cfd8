/* The body of the vector variants of f32_depthwise.h, over V, V_LANES, V_LOAD, V_STORE, V_SPLAT, V_ADD, V_MUL, V_MAX,
 * V_MIN (f32_gemm_tiles.h says what they are) and V_NAME. Outputs whose windows lie inside the image in their row
 * are taken eight (four, two, one) side by side, one vector of channels each, so that a weight is loaded once for
 * all; the others one by one, four vectors of channels at a time. */
#include <math.h>

#include "kernels/f32_depthwise/f32_depthwise.h"

#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 8")
#endif

/* Where a tile starts, and the kernel places that it sums over. Steps are in floats. */
typedef struct places {
  const float *x, *w, *bias;
  int64_t n_rows, n_columns;
  int64_t x_row, x_column, w_row, w_column;
  int64_t x_next, y_next; /* from one output to the next */
  float *y;
} places;

PARE_INLINE void tile(const places *at, float clamp_low, float clamp_high, int pixels, int vectors) {
  V sum[8];
  V_UNROLL for (int s = 0; s < pixels * vectors; s++) {
    sum[s] = V_SPLAT(0.0f);
  }
  for (int64_t i = 0; i < at->n_rows; i++) {
    const float *x = at->x + i * at->x_row, *w = at->w + i * at->w_row;
    for (int64_t j = 0; j < at->n_columns; j++, x += at->x_column, w += at->w_column) {
      V_UNROLL for (int v = 0; v < vectors; v++) {
        const V weight = V_LOAD(w + v * V_LANES);
        V_UNROLL for (int p = 0; p < pixels; p++) {
          sum[p * vectors + v] =
              V_ADD(sum[p * vectors + v], V_MUL(weight, V_LOAD(x + p * at->x_next + v * V_LANES)));
        }
      }
    }
  }
  const V low = V_SPLAT(clamp_low), high = V_SPLAT(clamp_high);
  V_UNROLL for (int s = 0; s < pixels * vectors; s++) {
    V y = sum[s];
    if (at->bias) y = V_ADD(y, V_LOAD(at->bias + s % vectors * V_LANES));
    V_STORE(at->y + s / vectors * at->y_next + s % vectors * V_LANES, V_MIN(V_MAX(y, low), high));
  }
}

/* One function per shape, so that each gets its own register allocation. */
#define V_TILE(pixels, vectors)                                                                              \
  static __attribute__((noinline)) void tile_##pixels##_##vectors(const places *at, float low, float high) { \
    tile(at, low, high, pixels, vectors);                                                                    \
  }
V_TILE(8, 1)
V_TILE(4, 1)
V_TILE(2, 1)
V_TILE(1, 1)
V_TILE(1, 4)
#undef V_TILE

/* Output `p` of the row, channels from c on. */
static places place_of(const pare_f32_depthwise_args *args, int64_t i_row, int64_t p, int64_t c) {
  const pare_window *w = args->window;
  const pare_f32_depthwise_part rows = pare_f32_depthwise_part_at(w, 0, i_row),
                                columns = pare_f32_depthwise_part_at(w, 1, p);
  const int64_t y = rows.start + rows.first * w->dilation[0],
                x = columns.start + columns.first * w->dilation[1];
  return (places){.x = args->x + (y * w->in[1] + x) * args->c + c,
                  .w = args->w + (rows.first * w->kernel[1] + columns.first) * args->c + c,
                  .bias = args->bias ? args->bias + c : NULL,
                  .n_rows = rows.end - rows.first,
                  .n_columns = columns.end - columns.first,
                  .x_row = w->dilation[0] * w->in[1] * args->c,
                  .x_column = w->dilation[1] * args->c,
                  .w_row = w->kernel[1] * args->c,
                  .w_column = args->c,
                  .x_next = w->stride[1] * args->c,
                  .y_next = args->c,
                  .y = args->y + (i_row * w->out[1] + p) * args->c + c};
}

/* An output at the edge: its own kernel places. */
static void edge(const pare_f32_depthwise_args *args, int64_t i_row, int64_t p) {
  const int64_t n_vectors = args->c / V_LANES;
  places at = place_of(args, i_row, p, 0);
  for (int64_t v = 0; v < n_vectors;) {
    const int64_t n = n_vectors - v >= 4 ? 4 : 1;
    (n == 4 ? tile_1_4 : tile_1_1)(&at, args->clamp_low, args->clamp_high);
    v += n;
    at.x += n * V_LANES;
    at.w += n * V_LANES;
    at.y += n * V_LANES;
    if (at.bias) at.bias += n * V_LANES;
  }
}

/* Outputs [first, end) of one vector of channels, all with the same kernel places. */
static void inside(const pare_f32_depthwise_args *args, int64_t i_row, int64_t first, int64_t end,
                   int64_t c) {
  places at = place_of(args, i_row, first, c);
  for (int64_t left = end - first; left > 0;) {
    const int64_t n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    (n == 8   ? tile_8_1
     : n == 4 ? tile_4_1
     : n == 2 ? tile_2_1
              : tile_1_1)(&at, args->clamp_low, args->clamp_high);
    left -= n;
    at.x += n * at.x_next;
    at.y += n * at.y_next;
  }
}

static void one_row(const pare_f32_depthwise_args *args, int64_t i_row) {
  const pare_window *w = args->window;
  const int64_t whole = args->c / V_LANES * V_LANES, reach = (w->kernel[1] - 1) * w->dilation[1];
  int64_t first = (w->pad_begin[1] + w->stride[1] - 1) / w->stride[1];
  int64_t end = w->in[1] + w->pad_begin[1] - reach - 1 < 0
                    ? 0
                    : (w->in[1] + w->pad_begin[1] - reach - 1) / w->stride[1] + 1;
  if (end > w->out[1]) end = w->out[1];
  if (first > end) first = end;
  for (int64_t p = 0; p < first; p++) edge(args, i_row, p);
  for (int64_t c = 0; c < whole && first < end; c += V_LANES) inside(args, i_row, first, end, c);
  for (int64_t p = end; p < w->out[1]; p++) edge(args, i_row, p);
  if (whole < args->c) pare_f32_depthwise_row(args, i_row, whole);
}

void V_NAME(const pare_f32_depthwise_args *args);

void V_NAME(const pare_f32_depthwise_args *args) {
  for (int64_t i = 0; i < args->n_rows; i++) one_row(args, args->first_row + i);
}
