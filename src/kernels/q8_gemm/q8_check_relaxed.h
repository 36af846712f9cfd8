/* Whether this engine's relaxed SIMD computes what the kernels take for granted. A flag or a single instruction does not tell: engines have been
 * seen that pass both and fail in a real tile, until it is compiled again. So the tiles themselves run, on extreme values, against plain sums. */
#ifndef PARE_Q8_CHECK_H
#define PARE_Q8_CHECK_H

#include "kernels/q8_depthwise/q8_depthwise.h"

/* How many numbers come out wrong; 0: all is well. Kernels of the format BYTES. */
int pare_q8_check(const pare_q8_gemm_kernel *gemm, const pare_q8_depthwise_kernel *depthwise);

#endif
