/* f32_depthwise.h with AVX2: eight channels of six outputs. */
#include <immintrin.h>

#define PARE_INLINE static inline __attribute__((always_inline))

#define V              __m256
#define V_LANES        8
#define V_LOAD(p)      _mm256_loadu_ps(p)
#define V_STORE(p, v)  _mm256_storeu_ps(p, v)
#define V_SPLAT(x)     _mm256_set1_ps(x)
#define V_ADD(a, b)    _mm256_add_ps(a, b)
#define V_MUL(a, b)    _mm256_mul_ps(a, b)
#define V_MAX(v, low)  _mm256_max_ps(low, v) /* low > v ? low : v, and v when either is NaN */
#define V_MIN(v, high) _mm256_min_ps(high, v)
#define V_PIXELS       6
#define V_NAME         pare_f32_depthwise__avx2_6x8

#include "kernels/f32_depthwise/f32_depthwise_tiles.h"
