/* The body of every vector variant of f32_spmm.h, over macros that the including file defines:
 *   V, V_LANES, V_ZERO, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_MUL,
 *   V_MAX(v, low): v < low ? low : v, V_MIN(v, high)
 *   V_MUL_ADD(sum, a, b)   only where a fused one is wanted (fast numerics)
 *   V_NAME                 the function
 *   V_SUMS                 vectors of sums in the widest tile
 * A tile of columns is walked row by row, so that the part of X under it stays in the nearest cache; the sums of
 * a row stay in registers. Every sum is its own lane: order and rounding are the reference's. */
#include <math.h>
#include <string.h>

#include "kernels/f32_spmm/f32_spmm.h"

#ifndef V_MUL_ADD
#define V_MUL_ADD(sum, a, b) V_ADD(sum, V_MUL(a, b)) /* two roundings: the reference's bytes */
#endif
#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 16")
#endif

/* Rows by `n_sums` vectors of columns from column `first`. */
PARE_INLINE void tile(const pare_f32_spmm_args *args, int64_t first, const int n_sums) {
  const pare_f32_sparse *a = args->a;
  const float *x = args->x + first, *value = a->values;
  const int32_t *place = a->places;
  const bool clamp = args->clamp_low != -INFINITY || args->clamp_high != INFINITY;
  const V low = V_SPLAT(args->clamp_low), high = V_SPLAT(args->clamp_high);
  int64_t e = args->m_first > 0 ? a->ends[args->m_first - 1] : 0;
  for (int64_t m = 0; m < args->m; m++) {
    const int64_t end = a->ends[args->m_first + m];
    V sum[V_SUMS];
    V_UNROLL for (int v = 0; v < n_sums; v++) sum[v] = V_ZERO;
    for (; e < end; e++) {
      const float *from = x + place[e];
      const V w = V_SPLAT(value[e]);
      V_UNROLL for (int v = 0; v < n_sums; v++) sum[v] = V_MUL_ADD(sum[v], w, V_LOAD(from + v * V_LANES));
    }
    float *to = args->c + m * args->c_row + first;
    V_UNROLL for (int v = 0; v < n_sums; v++) {
      V y = sum[v];
      if (args->row_bias) y = V_ADD(y, V_SPLAT(args->row_bias[m]));
      if (clamp) y = V_MIN(V_MAX(y, low), high);
      V_STORE(to + v * V_LANES, y);
    }
  }
}

/* One function per width, so that each gets its own register allocation. */
static void tile_most(const pare_f32_spmm_args *args, int64_t first) {
  tile(args, first, V_SUMS);
}
static void tile_half(const pare_f32_spmm_args *args, int64_t first) {
  tile(args, first, V_SUMS / 2);
}
static void tile_one(const pare_f32_spmm_args *args, int64_t first) {
  tile(args, first, 1);
}

void V_NAME(const pare_f32_spmm_args *args);
void pare_f32_spmm__ref(const pare_f32_spmm_args *args);

void V_NAME(const pare_f32_spmm_args *args) {
  int64_t n = 0;
  for (; n + V_SUMS * V_LANES <= args->n; n += V_SUMS * V_LANES) tile_most(args, n);
  for (; n + V_SUMS / 2 * V_LANES <= args->n; n += V_SUMS / 2 * V_LANES) tile_half(args, n);
  for (; n + V_LANES <= args->n; n += V_LANES) tile_one(args, n);
  if (n == args->n) return;
  if (args->n >= V_LANES) { /* the last whole vector once more: the same sums in the same places */
    tile_one(args, args->n - V_LANES);
    return;
  }
  pare_f32_spmm__ref(args);
}
