/* f32_gemm.h with AVX-512 and fused multiply-add, for fast numerics: one rounding less per product. */
#define V_WHOLE              pare_f32_gemm__avx512_fma14x32
#define V_MOST_PAIRS         14
#define V_REST               pare_f32_gemm__avx2_fma6x16
#define V_MUL_ADD(sum, a, b) _mm512_fmadd_ps(a, b, sum)

#include "kernels/f32_gemm/f32_gemm_avx512.h"
