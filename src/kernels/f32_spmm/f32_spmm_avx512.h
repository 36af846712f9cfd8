/* The AVX-512 side of f32_spmm_tiles.h: 128 columns at a time. */
#include "kernels/f32_avx512.h"

#define V_SUMS     PARE_F32_SPMM_VECTORS
#define V_OVERLAP  1
#define V_TILES(X) X(8) X(7) X(6) X(5) X(4) X(3) X(2) X(1)
