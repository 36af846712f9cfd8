/* Where the sums of an int8 kernel go, tile by tile (q8_gemm.h, q8_depthwise.h), for channels last: one place's channels are neighbours.
 *   bytes   y[m,n] = clamp(half_even(clamp((float)(acc + bias[n]) * scale[n])) + zero_point)    as requant.h
 *   sums    acc + bias[n] */
#ifndef PARE_Q8_SINK_H
#define PARE_Q8_SINK_H

#include "base/base.h"

/* For loops over the registers of a tile, whose bounds are constants at every call; and for those around them, for a page's bytes. */
#ifdef __clang__
#define PARE_Q8_UNROLL _Pragma("clang loop unroll(full)")
#define PARE_Q8_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define PARE_Q8_UNROLL _Pragma("GCC unroll 16")
#define PARE_Q8_ROLLED _Pragma("GCC unroll 1")
#endif

/* Adding 1.5 * 2^23 rounds what is smaller to an integer. */
#define PARE_Q8_BOUND 4194303.0

typedef struct pare_q8_sink {
  const int32_t *bias; /* [n], readable for whole panels; sums wrap */
  const float *scale;  /* the same; not for sums */
  float low, high;     /* bounds of y - zero_point */
  int32_t zero_point;
  bool is_signed;
  bool bounded; /* |acc + bias| scale stays under PARE_Q8_BOUND: y may be rounded before it is clamped */
  uint8_t *y;   /* y[m * row + n]; NULL: sums */
  int32_t *sums;
  int64_t row;
} pare_q8_sink;

#endif
