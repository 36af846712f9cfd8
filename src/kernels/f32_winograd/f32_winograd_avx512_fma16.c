/* f32_winograd.h with AVX-512. */
#include "kernels/f32_avx512.h"

#define V_SUB(a, b)     _mm512_sub_ps(a, b)
#define V_FMA(a, b, c)  _mm512_fmadd_ps(a, b, c)
#define V_FNMA(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define V_NAME(name)    name##avx512_fma16

#include "kernels/f32_winograd/f32_winograd_tiles.h"
