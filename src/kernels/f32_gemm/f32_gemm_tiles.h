/* The body of every vector variant of f32_gemm.h, over a few macros that the including file defines:
 *   V, V_LANES, V_ZERO, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_MUL,
 *   V_MAX(v, low): v < low ? low : v, V_MIN(v, high)
 *   V_MUL_ADD(sum, a, b)   only where a fused one is wanted (fast numerics)
 *   V_NAME                 the function
 *   V_ROWS                 most rows of a tile
 *   V_PANELS(rows, left)   panels that a tile of so many rows works on: enough independent sums to hide
 *                          the latency
 *   V_EVEN                 rows are dealt out evenly (else whole tiles first, then what is left)
 *   V_TILES(X)             X(rows, panels) for every tile that these give
 *   V_MAX_SUMS, V_MAX_LOADS  vectors of sums and of B in the largest tile
 * A tile keeps rows x panels x 8 sums in registers, walks k once, and writes. Every sum is its own lane:
 * order and rounding are the reference's. */
#include <math.h>
#include <string.h>

#include "kernels/f32_gemm/f32_gemm.h"

#ifndef V_MUL_ADD
#define V_MUL_ADD(sum, a, b) V_ADD(sum, V_MUL(a, b)) /* two roundings: the reference's bytes */
#endif
#define V_PER_PANEL (PARE_F32_NR / V_LANES)
#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 16")
#endif

/* Loads the sums to go on from, or zeros. `n_last`: columns that are there in the last panel. */
PARE_INLINE void tile_begin(const pare_f32_gemm_args *args, const float *c, int rows, int panels,
                            int64_t n_last, V *sum) {
  V_UNROLL for (int r = 0; r < rows; r++) {
    V_UNROLL for (int p = 0; p < panels; p++) {
      const float *from = c + r * args->c_row + p * PARE_F32_NR;
      float part[PARE_F32_NR] = {0};
      if (args->accumulate && p == panels - 1 && n_last < PARE_F32_NR) {
        memcpy(part, from, (size_t)n_last * sizeof(float));
        from = part;
      }
      V_UNROLL for (int v = 0; v < V_PER_PANEL; v++) {
        sum[(r * panels + p) * V_PER_PANEL + v] = args->accumulate ? V_LOAD(from + v * V_LANES) : V_ZERO;
      }
    }
  }
}

/* Bias, clamp, store. */
PARE_INLINE void tile_end(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_column, float *c, int rows,
                          int panels, int64_t n_last, const V *sum) {
  const bool clamp = args->clamp_low != -INFINITY || args->clamp_high != INFINITY;
  const V low = V_SPLAT(args->clamp_low), high = V_SPLAT(args->clamp_high);
  V_UNROLL for (int r = 0; r < rows; r++) {
    V_UNROLL for (int p = 0; p < panels; p++) {
      const bool whole = p < panels - 1 || n_last == PARE_F32_NR;
      float part[PARE_F32_NR] = {0};
      float *to = c + r * args->c_row + p * PARE_F32_NR;
      const float *bias = args->column_bias ? args->column_bias + i_column + p * PARE_F32_NR : NULL;
      if (bias && !whole) {
        memcpy(part, bias, (size_t)n_last * sizeof(float));
        bias = part;
      }
      V_UNROLL for (int v = 0; v < V_PER_PANEL; v++) {
        V x = sum[(r * panels + p) * V_PER_PANEL + v];
        if (args->row_bias) x = V_ADD(x, V_SPLAT(args->row_bias[i_row + r]));
        if (bias) x = V_ADD(x, V_LOAD(bias + v * V_LANES));
        if (clamp) x = V_MIN(V_MAX(x, low), high);
        V_STORE((whole ? to : part) + v * V_LANES, x);
      }
      if (!whole) memcpy(to, part, (size_t)n_last * sizeof(float));
    }
  }
}

PARE_INLINE void tile(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_panel, int64_t n_last,
                      int rows, int panels) {
  V sum[V_MAX_SUMS];
  const float *a[V_ROWS];
  const int64_t b_panel = args->b_panel ? args->b_panel : args->k * PARE_F32_NR;
  const float *b = args->b + i_panel * b_panel;
  float *c = args->c + i_row * args->c_row + i_panel * PARE_F32_NR;
  V_UNROLL for (int r = 0; r < rows; r++) {
    a[r] = args->a + (args->a_offsets ? args->a_offsets[i_row + r] : (i_row + r) * args->a_row);
  }
  tile_begin(args, c, rows, panels, n_last, sum);
  const int64_t a_column = args->a_column, n_k = args->k, k_run = args->k_run ? args->k_run : n_k;
  for (int64_t k = 0, at = 0; k < n_k; at += args->a_jump) {
    const int64_t k_end = n_k - k < k_run ? n_k : k + k_run;
    for (; k < k_end; k++, at += a_column, b += PARE_F32_NR) {
      V x[V_MAX_LOADS];
      V_UNROLL for (int i = 0; i < panels * V_PER_PANEL; i++) {
        x[i] = V_LOAD(b + (i / V_PER_PANEL) * b_panel + (i % V_PER_PANEL) * V_LANES);
      }
      V_UNROLL for (int r = 0; r < rows; r++) {
        const V w = V_SPLAT(a[r][at]);
        V_UNROLL for (int i = 0; i < panels * V_PER_PANEL; i++) {
          V *to = &sum[r * panels * V_PER_PANEL + i];
          *to = V_MUL_ADD(*to, w, x[i]);
        }
      }
    }
  }
  tile_end(args, i_row, i_panel * PARE_F32_NR, c, rows, panels, n_last, sum);
}

/* One function per tile shape, so that each gets its own register allocation. */
#define V_TILE(rows, panels)                                                                                 \
  static void tile_##rows##_##panels(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_panel,         \
                                     int64_t n_last) {                                                       \
    tile(args, i_row, i_panel, n_last, rows, panels);                                                        \
  }
V_TILES(V_TILE)
#undef V_TILE

static void one_tile(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_panel, int64_t n_last, int rows,
                     int panels) {
#define V_TILE(r, p)                                                                                         \
  if (rows == r && panels == p) tile_##r##_##p(args, i_row, i_panel, n_last);
  V_TILES(V_TILE)
#undef V_TILE
}

void V_NAME(const pare_f32_gemm_args *args);

/* All panels by rows [i_first, i_first + n_rows), dealt out evenly: 7 rows are 4 + 3 and not 6 + 1. Panels
 * stand outside, so that B's stay in the nearest cache. */
static void run_rows(const pare_f32_gemm_args *args, int64_t i_first, int64_t n_rows) {
  const int64_t n_panels = (args->n + PARE_F32_NR - 1) / PARE_F32_NR;
  const int64_t n_blocks = (n_rows + V_ROWS - 1) / V_ROWS;
  if (n_rows <= 0) return;
  const int64_t most = (n_rows + n_blocks - 1) / n_blocks;
  for (int64_t i_panel = 0; i_panel < n_panels;) {
    const int64_t panels = V_PANELS(most, n_panels - i_panel);
    const int64_t left = args->n - (i_panel + panels - 1) * PARE_F32_NR;
    const int64_t n_last = left < PARE_F32_NR ? left : PARE_F32_NR;
    int64_t i_row = i_first;
    for (int64_t block = 0; block < n_blocks; block++) {
      const int64_t rows = (i_first + n_rows - i_row + n_blocks - block - 1) / (n_blocks - block);
      for (int64_t p = 0; p < panels;) {
        const int64_t now = V_PANELS(rows, panels - p);
        one_tile(args, i_row, i_panel + p, p + now == panels ? n_last : PARE_F32_NR, (int)rows, (int)now);
        p += now;
      }
      i_row += rows;
    }
    i_panel += panels;
  }
}

void V_NAME(const pare_f32_gemm_args *args);

void V_NAME(const pare_f32_gemm_args *args) {
  const int64_t whole = V_EVEN ? args->m : args->m / V_ROWS * V_ROWS;
  run_rows(args, 0, whole);
  run_rows(args, whole, args->m - whole); /* fewer rows by more panels */
}
