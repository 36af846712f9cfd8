/* f32_batch.h with AVX-512; multiply and add stay two instructions, and gradients their 8 lanes. */
#include "kernels/f32_batch/f32_batch_avx512.h"

#define V_NAME(name)         name##avx512_16x16
#define G                    __m256
#define G_LANES              8
#define G_STEP               8
#define G_LOAD(p)            _mm256_loadu_ps(p)
#define G_MUL_ADD(sum, a, b) _mm256_add_ps(sum, _mm256_mul_ps(a, b))
#define G_BEGIN(p)           _mm256_loadu_ps(p)
#define G_END(p, v)          _mm256_storeu_ps(p, v)

#include "kernels/f32_batch/f32_batch_tiles.h"
