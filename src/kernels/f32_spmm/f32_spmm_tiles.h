/* The body of every vector variant of f32_spmm.h, over macros that the including file defines:
 *   V, V_LANES, V_ZERO, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_MUL,
 *   V_MAX(v, low): v < low ? low : v, V_MIN(v, high)
 *   V_MUL_ADD(sum, a, b)   only where a fused one is wanted (fast numerics)
 *   V_NAME                 the function
 *   V_SUMS, V_TILES(X)     vectors of sums in the widest tile; X(vectors) for the others, the widest first, down to 1
 *   V_OVERLAP              1: their last vector may lie over the one before it, so that one more column takes no tile more
 * A tile of columns is walked block by block, and in a block row by row; the sums of a row stay in registers. Every sum is its own lane: order and rounding are the reference's. */
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

/* Where vector v of a tile of n_sums is, counted from the tile's first column. */
#define V_AT(v) ((v) + 1 < n_sums ? (v)*V_LANES : last)

/* Rows by `n_sums` vectors of columns from column `first`, the last of them at first + last. */
PARE_INLINE void tile(const pare_f32_spmm_args *args, int64_t first, const int n_sums, const int64_t last) {
  const pare_f32_sparse *a = args->a;
  const char *x = (const char *)(args->x + first);
  const float *value = a->values;
  const int32_t *place = a->places;
  const bool clamp = args->clamp_low != -INFINITY || args->clamp_high != INFINITY;
  const V low = V_SPLAT(args->clamp_low), high = V_SPLAT(args->clamp_high);
  for (int64_t b = 0; b < a->n_blocks; b++) {
    const int64_t i_row = b * a->m + args->m_first;
    const bool ends = b + 1 == a->n_blocks;
    int64_t e = i_row > 0 ? a->ends[i_row - 1] : 0;
    for (int64_t m = 0; m < args->m; m++) {
      const int64_t end = a->ends[i_row + m];
      float *to = args->c + m * args->c_row + first;
      V sum[V_SUMS];
      V_UNROLL for (int v = 0; v < n_sums; v++) sum[v] = b > 0 ? V_LOAD(to + V_AT(v)) : V_ZERO;
      for (; e < end; e++) {
        const float *from = (const float *)(x + place[e]);
        const V w = V_SPLAT(value[e]);
        V_UNROLL for (int v = 0; v < n_sums; v++) sum[v] = V_MUL_ADD(sum[v], w, V_LOAD(from + V_AT(v)));
      }
      V_UNROLL for (int v = 0; v < n_sums; v++) {
        V y = sum[v];
        if (ends && args->row_bias) y = V_ADD(y, V_SPLAT(args->row_bias[m]));
        if (ends && clamp) y = V_MIN(V_MAX(y, low), high);
        V_STORE(to + V_AT(v), y);
      }
    }
  }
}

/* One function per width, so that each gets its own register allocation. */
static void tile_most(const pare_f32_spmm_args *args, int64_t first) {
  tile(args, first, V_SUMS, (V_SUMS - 1) * V_LANES);
}
#define V_TILE(n_sums)                                                                                       \
  static void tile_##n_sums(const pare_f32_spmm_args *args, int64_t first, int64_t last) {                   \
    if (n_sums == 1)                                                                                         \
      tile(args, first + last, n_sums, 0);                                                                   \
    else if (!V_OVERLAP || last == (n_sums - 1) * V_LANES)                                                   \
      tile(args, first, n_sums, (n_sums - 1) * V_LANES);                                                     \
    else                                                                                                     \
      tile(args, first, n_sums, last);                                                                       \
  }
V_TILES(V_TILE)
#undef V_TILE

void V_NAME(const pare_f32_spmm_args *args);
void pare_f32_spmm__ref(const pare_f32_spmm_args *args);

/* Where vectors lie over each other are the same sums in the same places. */
void V_NAME(const pare_f32_spmm_args *args) {
  int64_t n = 0;
  if (args->n < V_LANES) {
    pare_f32_spmm__ref(args);
    return;
  }
  for (; n + V_SUMS * V_LANES <= args->n; n += V_SUMS * V_LANES) tile_most(args, n);
  while (n < args->n) {
    const int64_t left = args->n - n;
#define V_TILE(n_sums)                                                                                       \
  if (left >= n_sums * V_LANES || (left > (n_sums - 1) * V_LANES && (V_OVERLAP || n_sums == 1))) {           \
    tile_##n_sums(args, n, left < n_sums * V_LANES ? left - V_LANES : (n_sums - 1) * V_LANES);               \
    n += n_sums * V_LANES;                                                                                   \
    continue;                                                                                                \
  }
    V_TILES(V_TILE)
#undef V_TILE
  }
}
