/* The AVX-512 side of f32_batch_tiles.h: 12 rows by 32 images. */
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
#define V_ROWS         12
#define V_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define G_ONCE(v)      __asm__("" : "+v"(v))
#define G_ROWS         6
#define G_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
