/* exp, tanh and sigmoid over rows, compiled for AVX2: the loops of f32_math.c, eight lanes at a time. */
#include "kernels/f32_math/f32_math_forms.h"

void pare_expf_n__avx2(const float *x, float *y, int64_t n);
void pare_tanhf_n__avx2(const float *x, float *y, int64_t n);
void pare_sigmoidf_n__avx2(const float *x, float *y, int64_t n);

PARE_F32_MATH_LOOPS(void, pare_, __avx2)
