/* The AVX-512 side of f32_batch_tiles.h: 16 rows by 16 images; gradients 6 rows by 2 taps. A product tile is one
 * vector wide, so that every multiplication takes its weight from memory by itself: a weight that is spread first, for
 * two vectors to share, stands in the way of multiplications and additions that are two instructions (12 rows by 32
 * images were seen at 39 GMAC/s, these at 58; fused ones gain little). */
#include "kernels/f32_avx512.h"

#define V_VECTORS      1
#define V_ROWS         16
#define V_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#define G_ONCE(v)      __asm__("" : "+v"(v))
#define G_ROWS         6
#define G_ROW_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
