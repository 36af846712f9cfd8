/* s16_gemm.h for processors with AVX-512 VNNI and VL: multiply, add pairs and accumulate in one instruction (vpdpwssd, which wraps). */
#define S16_NAME               pare_s16_gemm__avx512vnni_4x16
#define S16_ADD_DOT(sum, a, b) _mm256_dpwssd_epi32(sum, a, b)
#include "kernels/s16_gemm/s16_gemm_x86.h"
