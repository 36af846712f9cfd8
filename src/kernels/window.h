/* The geometry of a sliding window in two dimensions (index 0: height, 1: width), shared by convolution
 * and pooling. Output position p reads input position p * stride - pad_begin + i * dilation, i < kernel.
 * One-dimensional windows have height 1. */
#ifndef PARE_WINDOW_H
#define PARE_WINDOW_H

#include <stdint.h>

typedef struct pare_window {
  int64_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2], in[2], out[2];
} pare_window;

#endif
