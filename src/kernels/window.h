/* The geometry of a sliding window in two dimensions (index 0: height, 1: width), shared by convolution
 * and pooling. Output position p reads input position p * stride - pad_begin + i * dilation, i < kernel.
 * One-dimensional windows have height 1. */
#ifndef PARE_WINDOW_H
#define PARE_WINDOW_H

#include <stdint.h>

typedef struct pare_window {
  int64_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2], in[2], out[2];
} pare_window;

#define PARE_WINDOW_MAX 6

/* The same in `n` dimensions, outermost first. */
typedef struct pare_window_nd {
  int n;
  int64_t kernel[PARE_WINDOW_MAX], stride[PARE_WINDOW_MAX], dilation[PARE_WINDOW_MAX],
      pad_begin[PARE_WINDOW_MAX], pad_end[PARE_WINDOW_MAX], in[PARE_WINDOW_MAX], out[PARE_WINDOW_MAX];
} pare_window_nd;

#endif
