/* f32_batch.h with AVX2 and fused multiply-add, for fast numerics: one rounding less per product. */
#include "kernels/f32_batch/f32_batch_avx2.h"

#define V_NAME(name)         name##avx2_fma6x16
#define V_MUL_ADD(sum, a, b) _mm256_fmadd_ps(a, b, sum)

#include "kernels/f32_batch/f32_batch_tiles.h"
