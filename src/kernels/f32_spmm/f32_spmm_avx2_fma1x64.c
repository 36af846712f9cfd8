/* f32_spmm.h with AVX2 and fused multiply-add, for fast numerics: one rounding less per product. */
#include "kernels/f32_spmm/f32_spmm_avx2.h"

#define V_NAME               pare_f32_spmm__avx2_fma1x64
#define V_MUL_ADD(sum, a, b) _mm256_fmadd_ps(a, b, sum)

#include "kernels/f32_spmm/f32_spmm_tiles.h"
