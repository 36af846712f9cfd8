/* f32_winograd.h with AVX2 and fused multiply-add. */
#include "kernels/f32_avx2.h"

#define V_SUB(a, b)     _mm256_sub_ps(a, b)
#define V_FMA(a, b, c)  _mm256_fmadd_ps(a, b, c)
#define V_FNMA(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define V_NAME(name)    name##avx2_fma8

#include "kernels/f32_winograd/f32_winograd_tiles.h"
