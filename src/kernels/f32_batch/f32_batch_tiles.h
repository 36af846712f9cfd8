/* The body of every vector variant of f32_batch.h, over macros that the including file defines:
 *   V, V_LANES, V_ZERO, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_MUL
 *   V_MUL_ADD(sum, a, b)    only where a fused one is wanted (fast numerics)
 *   V_NAME(x)               the functions, x##suffix
 *   V_ROWS, V_ROW_CASES(X)  most rows of a product tile; X(rows) for 1 to V_ROWS
 *   V_VECTORS               most vectors of images of a product tile, 1 or 2 (2)
 *   G, G_LANES, G_STEP, G_LOAD(p), G_MUL_ADD, G_BEGIN(p), G_END(p, v)
 *                           the vectors of gradients: lanes, images from one to the next (8, or G_LANES when that
 *                           is more); the last two take the sums up and put them back
 *   G_ONCE(v)               where the compiler would load it again for each of its two products: hides where it is from
 *   G_ROWS, G_ROW_CASES(X)  most rows of a gradient tile
 * Sums of a tile stay in registers. */
#include "kernels/f32_batch/f32_batch.h"

#ifndef V_MUL_ADD
#define V_MUL_ADD(sum, a, b) V_ADD(sum, V_MUL(a, b)) /* two roundings: the reference's bytes */
#endif
#ifndef V_VECTORS
#define V_VECTORS 2
#endif
#ifndef G_ONCE
#define G_ONCE(v) (void)(v)
#endif
#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 16")
#endif

/* `rows` by `vectors` sums from row m and image n on. */
PARE_INLINE void product_tile(const pare_f32_batch_product_args *args, int64_t m, int64_t n, const int rows,
                              const int vectors) {
  V sum[V_ROWS * V_VECTORS];
  const float *a = args->a + m * args->a_row, *b = args->b + n;
  const int32_t *a_at = args->a_at, *b_at = args->b_at;
  const int64_t a_row = args->a_row, n_taps = args->n_taps;
  float *c = args->c + m * args->c_row + n;
  V_UNROLL for (int r = 0; r < rows; r++) {
    V_UNROLL for (int v = 0; v < vectors; v++) {
      sum[r * vectors + v] = args->accumulate ? V_LOAD(c + r * args->c_row + v * V_LANES) : V_ZERO;
    }
  }
  for (int64_t k = 0; k < n_taps; k++) {
    V x[V_VECTORS];
    const float *from = b + b_at[k], *w = a + a_at[k];
    V_UNROLL for (int v = 0; v < vectors; v++) x[v] = V_LOAD(from + v * V_LANES);
    V_UNROLL for (int r = 0; r < rows; r++) {
      const V weight = V_SPLAT(w[r * a_row]);
      V_UNROLL for (int v = 0; v < vectors; v++) {
        sum[r * vectors + v] = V_MUL_ADD(sum[r * vectors + v], weight, x[v]);
      }
    }
  }
  V_UNROLL for (int r = 0; r < rows; r++) {
    V_UNROLL for (int v = 0; v < vectors; v++) {
      V y = sum[r * vectors + v];
      if (args->row_bias) y = V_ADD(y, V_SPLAT(args->row_bias[m + r]));
      V_STORE(c + r * args->c_row + v * V_LANES, y);
    }
  }
}

/* One function per number of rows, so that each gets its own register allocation. */
#define V_PRODUCT(rows)                                                                                      \
  static void product_##rows(const pare_f32_batch_product_args *args, int64_t m, int64_t n, int vectors) {   \
    if (vectors == 1) {                                                                                      \
      product_tile(args, m, n, rows, 1);                                                                     \
      return;                                                                                                \
    }                                                                                                        \
    product_tile(args, m, n, rows, V_VECTORS);                                                               \
  }
V_ROW_CASES(V_PRODUCT)
#undef V_PRODUCT

static void product_rows(const pare_f32_batch_product_args *args, int64_t m, int64_t n, int64_t rows,
                         int vectors) {
#define V_PRODUCT(r)                                                                                         \
  if (rows == r) product_##r(args, m, n, vectors);
  V_ROW_CASES(V_PRODUCT)
#undef V_PRODUCT
}

void V_NAME(pare_f32_batch_product__)(const pare_f32_batch_product_args *args);
void V_NAME(pare_f32_batch_gradient__)(const pare_f32_batch_gradient_args *args);

/* Rows are dealt out evenly: 16 are 6 + 5 + 5 and not 6 + 6 + 4. */
void V_NAME(pare_f32_batch_product__)(const pare_f32_batch_product_args *args) {
  const int64_t n_blocks = (args->m + V_ROWS - 1) / V_ROWS;
  for (int64_t n = 0; n < args->n;) {
    int vectors = 1;
    if (args->n - n >= V_VECTORS * V_LANES) vectors = V_VECTORS;
    for (int64_t block = 0, m = 0; block < n_blocks; block++) {
      const int64_t rows = (args->m - m + n_blocks - block - 1) / (n_blocks - block);
      product_rows(args, m, n, rows, vectors);
      m += rows;
    }
    n += vectors * V_LANES;
  }
}

/* `rows` by `taps` sums of G_LANES lanes, of which the first is `lane`; from row r on. */
PARE_INLINE void gradient_tile(const pare_f32_batch_gradient_args *args, int64_t row, int64_t lane,
                               const int rows, const int taps) {
  const bool whole_rows = args->x_x == args->n;
  const int64_t n_runs = whole_rows ? 1 : args->n_x, length = whole_rows ? args->n_x * args->n : args->n;
  G sum[G_ROWS * PARE_F32_BATCH_TAPS];
  float *sums = args->sums + row * PARE_F32_BATCH_TAPS * PARE_F32_BATCH_LANES + lane;
  V_UNROLL for (int i = 0; i < rows * taps; i++) {
    sum[i] = G_BEGIN(sums + (i / taps * PARE_F32_BATCH_TAPS + i % taps) * PARE_F32_BATCH_LANES);
  }
  for (int64_t y = 0; y < args->n_y; y++) {
    for (int64_t run = 0; run < n_runs; run++) {
      const float *dy = args->dy + row * args->dy_row + y * args->dy_y + run * args->n + lane,
                  *x = args->x + y * args->x_y + run * args->x_x + lane;
      for (int64_t n = 0; n < length; n += G_STEP) {
        G from[PARE_F32_BATCH_TAPS];
        V_UNROLL for (int t = 0; t < taps; t++) from[t] = G_LOAD(x + t * args->x_row + n);
        V_UNROLL for (int r = 0; r < rows; r++) {
          G d = G_LOAD(dy + r * args->dy_row + n);
          G_ONCE(d);
          V_UNROLL for (int t = 0; t < taps; t++) sum[r * taps + t] =
              G_MUL_ADD(sum[r * taps + t], d, from[t]);
        }
      }
    }
  }
  V_UNROLL for (int i = 0; i < rows * taps; i++) {
    G_END(sums + (i / taps * PARE_F32_BATCH_TAPS + i % taps) * PARE_F32_BATCH_LANES, sum[i]);
  }
}

#define G_GRADIENT(rows)                                                                                     \
  static void gradient_##rows(const pare_f32_batch_gradient_args *args, int64_t row, int64_t lane) {         \
    if (args->taps == 2)                                                                                     \
      gradient_tile(args, row, lane, rows, 2);                                                               \
    else                                                                                                     \
      gradient_tile(args, row, lane, rows, 1);                                                               \
  }
G_ROW_CASES(G_GRADIENT)
#undef G_GRADIENT

void V_NAME(pare_f32_batch_gradient__)(const pare_f32_batch_gradient_args *args) {
  for (int64_t row = 0; row < args->rows;) {
    const int64_t rows = args->rows - row < G_ROWS ? args->rows - row : G_ROWS;
    for (int64_t lane = 0; lane < PARE_F32_BATCH_LANES; lane += G_LANES) {
#define G_GRADIENT(r)                                                                                        \
  if (rows == r) gradient_##r(args, row, lane);
      G_ROW_CASES(G_GRADIENT)
#undef G_GRADIENT
    }
    row += rows;
  }
}
