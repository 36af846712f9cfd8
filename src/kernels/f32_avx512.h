/* Vectors of 16 floats for the tiles of f32 kernels (f32_*_tiles.h), in AVX-512. */
#ifndef PARE_F32_AVX512_H
#define PARE_F32_AVX512_H

#include <immintrin.h>

#define PARE_INLINE static inline __attribute__((always_inline))

#define V              __m512
#define V_LANES        16
#define V_ZERO         _mm512_setzero_ps()
#define V_LOAD(p)      _mm512_loadu_ps(p)
#define V_STORE(p, v)  _mm512_storeu_ps(p, v)
#define V_SPLAT(x)     _mm512_set1_ps(x)
#define V_ADD(a, b)    _mm512_add_ps(a, b)
#define V_MUL(a, b)    _mm512_mul_ps(a, b)
#define V_MAX(v, low)  _mm512_max_ps(low, v) /* low > v ? low : v, and v when either is NaN */
#define V_MIN(v, high) _mm512_min_ps(high, v)

#endif
