/* Depthwise convolution of one channel over operands widened to 16 bits, as s16_gemm.h:
 *   acc[p,q] = sum_ij w[i,j] x[p stride0 + i dilation0, q stride1 + j dilation1]
 * `x` is the channel with its padding already around it (zeros, as zero points are taken off). Sums wrap modulo 2^32; all variants agree
 * bit for bit. */
#ifndef PARE_S16_DEPTHWISE_H
#define PARE_S16_DEPTHWISE_H

#include "base/base.h"
#include "kernels/window.h"

#define PARE_S16_DEPTHWISE_SLACK                                                                             \
  64 /* numbers behind the padded channel that may be read (and are not used) */

typedef struct pare_s16_depthwise_args {
  const pare_window *window;
  const int16_t *x; /* [in0 + pads][x_row], then the slack */
  int64_t x_row;
  const int16_t *w; /* [kernel0][kernel1] */
  int32_t *acc;     /* [out0][acc_row]; whole eights are written */
  int64_t acc_row;  /* a multiple of 8, >= out1 */
} pare_s16_depthwise_args;

typedef struct pare_s16_depthwise_kernel {
  const char *name;
  void (*run)(const pare_s16_depthwise_args *args);
  int rank;
} pare_s16_depthwise_kernel;

int pare_s16_depthwise_count(void);
const pare_s16_depthwise_kernel *pare_s16_depthwise_at(int i);
const pare_s16_depthwise_kernel *pare_s16_depthwise_select(void);

#endif
