/* f32_spmm.h with AVX-512 and fused multiply-add, for fast numerics: one rounding less per product. */
#include "kernels/f32_spmm/f32_spmm_avx512.h"

#define V_NAME               pare_f32_spmm__avx512_fma1x128
#define V_MUL_ADD(sum, a, b) _mm512_fmadd_ps(a, b, sum)

#include "kernels/f32_spmm/f32_spmm_tiles.h"
