/* f32_gemm.h with AVX2 and fused multiply-add, for fast numerics: one rounding less per product. Nothing
 * is gained on processors that multiply and add on separate ports (Zen); on those that do not (Intel) up
 * to twice as fast. */
#include "kernels/f32_gemm/f32_gemm_avx2.h"

#define V_NAME               pare_f32_gemm__avx2_fma6x16
#define V_MUL_ADD(sum, a, b) _mm256_fmadd_ps(a, b, sum)

#include "kernels/f32_gemm/f32_gemm_tiles.h"
