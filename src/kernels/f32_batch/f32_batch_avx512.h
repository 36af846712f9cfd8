/* The AVX-512 side of f32_batch_tiles.h: 12 rows by 32 images. */
#include "kernels/f32_avx512.h"

#define V_ROWS         12
#define V_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define G_ONCE(v)      __asm__("" : "+v"(v))
#define G_ROWS         6
#define G_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
