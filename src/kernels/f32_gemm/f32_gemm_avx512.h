/* The AVX-512 side of f32_gemm_tiles.h: 16 lanes, two panels of B in a vector, up to 14 rows, and up to
 * V_MOST_PAIRS rows by two vectors. The including file names the function, V_WHOLE, and the AVX2 variant that
 * takes a last panel without a neighbour, V_REST. */
#include "kernels/f32_avx512.h"

#define V_LOAD_B(b, panel)                                                                                   \
  _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(b)), _mm256_loadu_ps((b) + (panel)), 1)
#define V_ROWS          14
#define V_ROWS_OF(left) 14
#define V_MAX_SUMS      28
#define V_MAX_LOADS     4
#define V_ROW_SUMS      8
#define V_ROW(X)        X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define V_EVEN          1
#define V_UNITS(rows, left)                                                                                  \
  ((rows) == 1 && (left) >= 8              ? 8                                                               \
   : (rows) <= 3 && (left) >= 4            ? 4                                                               \
   : (rows) <= V_MOST_PAIRS && (left) >= 2 ? 2                                                               \
                                           : 1)
#define V_TILES_2(X, rows) X(rows, 1) X(rows, 2)
#define V_TILES_4(X, rows) V_TILES_2(X, rows) X(rows, 4)
#define V_TILES(X)                                                                                           \
  V_TILES_4(X, 1)                                                                                            \
  V_TILES_4(X, 2)                                                                                            \
  V_TILES_4(X, 3)                                                                                            \
  V_TILES_4(X, 4)                                                                                            \
  V_TILES_4(X, 5)                                                                                            \
  V_TILES_4(X, 6)                                                                                            \
  V_TILES_2(X, 7)                                                                                            \
  V_TILES_2(X, 8)                                                                                            \
  V_TILES_2(X, 9)                                                                                            \
  V_TILES_2(X, 10) V_TILES_2(X, 11) V_TILES_2(X, 12) V_TILES_2(X, 13) V_TILES_2(X, 14)

#define V_NAME    pairs_of_panels
#define V_LINKAGE static
#include "kernels/f32_gemm/f32_gemm_tiles.h"

void V_REST(const pare_f32_gemm_args *args);
void V_WHOLE(const pare_f32_gemm_args *args);

void V_WHOLE(const pare_f32_gemm_args *args) {
  const int64_t n_panels = (args->n + PARE_F32_NR - 1) / PARE_F32_NR, n = n_panels / 2 * 2 * PARE_F32_NR;
  pare_f32_gemm_args part = *args;
  if (n > 0) {
    part.n = n < args->n ? n : args->n;
    pairs_of_panels(&part);
  }
  if (n_panels % 2 == 0) return;
  part.n = args->n - n;
  part.b_panel = args->b_panel ? args->b_panel : args->k * PARE_F32_NR;
  part.b += n / PARE_F32_NR * part.b_panel;
  part.c += n;
  if (part.column_bias) part.column_bias += n;
  if (part.add) part.add += n;
  V_REST(&part);
}
