/* q8_sink.h, plainly. */
#ifndef PARE_Q8_SINK_REF_H
#define PARE_Q8_SINK_REF_H

#include <math.h>

#include "kernels/q8_gemm/q8_sink.h"

static inline void pare_q8_store1(const pare_q8_sink *sink, int64_t m, int64_t n, uint32_t sum) {
  const int32_t acc = (int32_t)(sum + (uint32_t)sink->bias[n]);
  if (!sink->y) {
    sink->sums[m * sink->row + n] = acc;
    return;
  }
  float value = (float)acc * sink->scale[n];
  value = value > sink->low ? value : sink->low; /* a NaN becomes low */
  value = value < sink->high ? value : sink->high;
  sink->y[m * sink->row + n] = (uint8_t)((int32_t)nearbyintf(value) + sink->zero_point);
}

#endif
