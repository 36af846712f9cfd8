/* The AVX2 side of f32_batch_tiles.h: 6 rows by 16 images; gradients 6 rows by 2 taps. */
#include "kernels/f32_avx2.h"

#define V_ROWS         6
#define V_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define G              __m256
#define G_LANES        8
#define G_STEP         8
#define G_LOAD(p)      _mm256_loadu_ps(p)
#define G_MUL_ADD      V_MUL_ADD
#define G_BEGIN(p)     _mm256_loadu_ps(p)
#define G_END(p, v)    _mm256_storeu_ps(p, v)
#define G_ONCE(v)      __asm__("" : "+v"(v))
#define G_ROWS         6
#define G_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
