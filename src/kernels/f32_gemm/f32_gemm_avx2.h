/* The AVX2 side of f32_gemm_tiles.h: 8 lanes, up to 6 rows by two panels (12 sums, 2 columns and one
 * weight: it fits 16 registers). */
#include "kernels/f32_avx2.h"

#define V_ROWS          12
#define V_ROWS_OF(left) ((left) == 1 ? 12 : 6)
#define V_MAX_SUMS      12
#define V_MAX_LOADS     4
#define V_ROW_SUMS      8
#define V_ROW(X)        X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define V_EVEN          1
#define V_UNITS(rows, left)                                                                                  \
  ((rows) == 1 && (left) >= 8 ? 8 : (rows) <= 2 && (left) >= 4 ? 4 : (left) >= 2 ? 2 : 1)
#define V_TILES(X)                                                                                           \
  X(1, 1)                                                                                                    \
  X(1, 2)                                                                                                    \
  X(1, 4)                                                                                                    \
  X(1, 8)                                                                                                    \
  X(2, 1)                                                                                                    \
  X(2, 2)                                                                                                    \
  X(2, 4)                                                                                                    \
  X(3, 1)                                                                                                    \
  X(3, 2) X(4, 1) X(4, 2) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
