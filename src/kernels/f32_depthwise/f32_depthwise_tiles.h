/* The body of the vector variants of f32_depthwise.h, over V, V_LANES, V_LOAD, V_STORE, V_SPLAT, V_ADD, V_MUL, V_MAX,
 * V_MIN (f32_gemm_tiles.h says what they are), V_PIXELS and V_NAME. V_PIXELS neighbouring outputs whose windows lie
 * inside their rows are taken together where kernel and stride are the usual ones, one vector of channels after the
 * other (which shares cache lines with the next): what they share of a row is loaded once. Other outputs are taken one
 * by one, four vectors of channels at a time. */
#include <math.h>

#include "kernels/f32_depthwise/f32_depthwise.h"

#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 32")
#endif

/* Where a tile starts, and the kernel places that it sums over. Steps are in floats. */
typedef struct places {
  const float *x, *w, *bias;
  int64_t n_rows, n_columns;
  int64_t x_row, x_column, w_row, w_column;
  int64_t x_next, y_next; /* from one output to the next */
  int64_t n_outputs;
  float *y;
} places;

PARE_INLINE void tile_end(const float *bias, V low, V high, float *y, int64_t y_next, int pixels, int vectors,
                          V *sum) {
  V_UNROLL for (int s = 0; s < pixels * vectors; s++) {
    V v = sum[s];
    if (bias) v = V_ADD(v, V_LOAD(bias + s % vectors * V_LANES));
    V_STORE(y + s / vectors * y_next + s % vectors * V_LANES, V_MIN(V_MAX(v, low), high));
  }
}

/* at->n_outputs outputs, at least V_PIXELS, V_PIXELS at a time, `kernel` columns wide, `stride` apart, no dilation; n
 * vectors of channels. The last may take some again. */
PARE_INLINE void tile_run(const places *at, float clamp_low, float clamp_high, int64_t n, int kernel,
                          int stride) {
  const V low = V_SPLAT(clamp_low), high = V_SPLAT(clamp_high);
  const int64_t x_row = at->x_row, x_column = at->x_column, w_row = at->w_row, w_column = at->w_column;
  const float *from = at->x;
  float *y = at->y;
  for (int64_t left = at->n_outputs; left > 0;) {
    for (int64_t c = 0; c < n * V_LANES; c += V_LANES) {
      V sum[V_PIXELS];
      V_UNROLL for (int p = 0; p < V_PIXELS; p++) {
        sum[p] = V_SPLAT(0.0f);
      }
      const float *row = from + c, *w = at->w + c;
      for (int64_t i = at->n_rows; i > 0; i--, row += x_row, w += w_row) {
        V weights[5];
        V_UNROLL for (int j = 0; j < kernel; j++) {
          weights[j] = V_LOAD(w + j * w_column);
        }
        const float *x = row;
        V_UNROLL for (int q = 0; q < (V_PIXELS - 1) * stride + kernel; q++) {
          const V value = V_LOAD(x);
          x += x_column;
          V_UNROLL for (int p = 0; p < V_PIXELS; p++) {
            const int j = q - p * stride;
            if (j >= 0 && j < kernel) sum[p] = V_ADD(sum[p], V_MUL(weights[j], value));
          }
        }
      }
      tile_end(at->bias ? at->bias + c : NULL, low, high, y + c, at->y_next, V_PIXELS, 1, sum);
    }
    left -= V_PIXELS;
    const int64_t step = left < V_PIXELS ? left : V_PIXELS;
    from += step * at->x_next;
    y += step * at->y_next;
  }
}

/* One output, any kernel, n times so many vectors of channels. */
PARE_INLINE void tile_one(const places *at, float clamp_low, float clamp_high, int64_t n, int vectors) {
  const V low = V_SPLAT(clamp_low), high = V_SPLAT(clamp_high);
  const int64_t width = vectors * V_LANES;
  for (int64_t c = 0; c < n * width; c += width) {
    V sum[4];
    V_UNROLL for (int v = 0; v < vectors; v++) {
      sum[v] = V_SPLAT(0.0f);
    }
    for (int64_t i = 0; i < at->n_rows; i++) {
      const float *x = at->x + c + i * at->x_row, *w = at->w + c + i * at->w_row;
      for (int64_t j = at->n_columns; j > 0; j--, x += at->x_column, w += at->w_column) {
        V_UNROLL for (int v = 0; v < vectors; v++) {
          sum[v] = V_ADD(sum[v], V_MUL(V_LOAD(w + v * V_LANES), V_LOAD(x + v * V_LANES)));
        }
      }
    }
    tile_end(at->bias ? at->bias + c : NULL, low, high, at->y + c, 0, 1, vectors, sum);
  }
}

/* One function per shape, so that each gets its own register allocation. */
typedef void (*tile_fn)(const places *at, float low, float high, int64_t n);
#define V_TILE(name, body, ...)                                                                              \
  static __attribute__((noinline)) void name(const places *at, float low, float high, int64_t n) {           \
    body(at, low, high, n, __VA_ARGS__);                                                                     \
  }
V_TILE(one_1, tile_one, 1)
V_TILE(one_4, tile_one, 4)
V_TILE(run_3_1, tile_run, 3, 1)
V_TILE(run_3_2, tile_run, 3, 2)
V_TILE(run_5_1, tile_run, 5, 1)
V_TILE(run_5_2, tile_run, 5, 2)
#undef V_TILE

/* The tile for this kernel and stride, or NULL. */
static tile_fn run_tile(const pare_window *w) {
  static const tile_fn tiles[2][2] = {{run_3_1, run_3_2}, {run_5_1, run_5_2}};
  const int64_t kernel = w->kernel[1], stride = w->stride[1];
  if (w->dilation[1] != 1 || (kernel != 3 && kernel != 5) || stride > 2) return NULL;
  return tiles[kernel == 5][stride - 1];
}

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

/* One output with its own kernel places. */
static void alone(const pare_f32_depthwise_args *args, int64_t i_row, int64_t p) {
  const int64_t n_vectors = args->c / V_LANES, whole = n_vectors / 4 * 4;
  const places at = place_of(args, i_row, p, 0);
  one_4(&at, args->clamp_low, args->clamp_high, n_vectors / 4);
  if (whole == n_vectors) return;
  const places rest = place_of(args, i_row, p, whole * V_LANES);
  one_1(&rest, args->clamp_low, args->clamp_high, n_vectors - whole);
}

static void one_row(const pare_f32_depthwise_args *args, int64_t i_row) {
  const pare_window *w = args->window;
  const tile_fn run = run_tile(w);
  const int64_t whole = args->c / V_LANES * V_LANES, last = w->in[1] + w->pad_begin[1] - w->kernel[1];
  int64_t first = (w->pad_begin[1] + w->stride[1] - 1) / w->stride[1], end = 0;
  if (run && last >= 0) end = last / w->stride[1] + 1;
  if (end > w->out[1]) end = w->out[1];
  if (first > end) first = end;
  if (end - first < V_PIXELS) end = first;
  for (int64_t p = 0; p < first; p++) alone(args, i_row, p);
  if (first < end) {
    places at = place_of(args, i_row, first, 0);
    at.n_outputs = end - first;
    run(&at, args->clamp_low, args->clamp_high, whole / V_LANES);
  }
  for (int64_t p = end; p < w->out[1]; p++) alone(args, i_row, p);
  if (whole < args->c) pare_f32_depthwise_row(args, i_row, whole);
}

void V_NAME(const pare_f32_depthwise_args *args);

void V_NAME(const pare_f32_depthwise_args *args) {
  for (int64_t i = 0; i < args->n_rows; i++) one_row(args, args->first_row + i);
}
