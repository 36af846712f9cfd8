/* f32_batch.h with AVX-512 and fused multiply-add, for fast numerics: one rounding less per product, and gradients
 * in 16 lanes, folded at the end of a tile. */
#include "kernels/f32_batch/f32_batch_avx512.h"

#define V_NAME(name)         name##avx512_fma16x16
#define V_MUL_ADD(sum, a, b) _mm512_fmadd_ps(a, b, sum)
#define G                    __m512
#define G_LANES              16
#define G_STEP               16
#define G_LOAD(p)            _mm512_loadu_ps(p)
#define G_MUL_ADD            V_MUL_ADD
#define G_BEGIN(p)           _mm512_setzero_ps()
#define G_END(p, v)          end_sums(p, v)

PARE_INLINE void end_sums(float *sums, __m512 v) {
  const __m256 high = _mm512_extractf32x8_ps(v, 1), both = _mm256_add_ps(_mm512_castps512_ps256(v), high);
  _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums), both));
}

#include "kernels/f32_batch/f32_batch_tiles.h"
