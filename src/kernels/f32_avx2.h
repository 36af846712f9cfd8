/* Vectors of 8 floats for the tiles of f32 kernels (f32_*_tiles.h), in AVX2. */
#ifndef PARE_F32_AVX2_H
#define PARE_F32_AVX2_H

#include <immintrin.h>

#define PARE_INLINE static inline __attribute__((always_inline))

#define V              __m256
#define V_LANES        8
#define V_ZERO         _mm256_setzero_ps()
#define V_LOAD(p)      _mm256_loadu_ps(p)
#define V_STORE(p, v)  _mm256_storeu_ps(p, v)
#define V_SPLAT(x)     _mm256_set1_ps(x)
#define V_ADD(a, b)    _mm256_add_ps(a, b)
#define V_MUL(a, b)    _mm256_mul_ps(a, b)
#define V_MAX(v, low)  _mm256_max_ps(low, v) /* low > v ? low : v, and v when either is NaN */
#define V_MIN(v, high) _mm256_min_ps(high, v)

#endif
