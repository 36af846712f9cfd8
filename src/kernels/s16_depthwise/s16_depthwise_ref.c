/* The plain reference of s16_depthwise.h. */
#include "kernels/s16_depthwise/s16_depthwise.h"

void pare_s16_depthwise__ref(const pare_s16_depthwise_args *args);

void pare_s16_depthwise__ref(const pare_s16_depthwise_args *args) {
  const pare_window *w = args->window;
  for (int64_t p = 0; p < w->out[0]; p++) {
    for (int64_t q = 0; q < w->out[1]; q++) {
      const int16_t *x = args->x + p * w->stride[0] * args->x_row + q * w->stride[1], *tap = args->w;
      uint32_t sum = 0; /* wraps, as vector additions do */
      for (int64_t i = 0; i < w->kernel[0]; i++)
        for (int64_t j = 0; j < w->kernel[1]; j++)
          sum += (uint32_t)(*tap++ * x[i * w->dilation[0] * args->x_row + j * w->dilation[1]]);
      args->acc[p * args->acc_row + q] = (int32_t)sum;
    }
  }
}
