/* s16_gemm.h for processors with AVX2. */
#define S16_NAME               pare_s16_gemm__avx2_4x16
#define S16_ADD_DOT(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
#include "kernels/s16_gemm/s16_gemm_x86.h"
