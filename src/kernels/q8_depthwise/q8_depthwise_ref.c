/* The plain reference of q8_depthwise.h. */
#include "kernels/q8_depthwise/q8_depthwise.h"

#include "kernels/q8_gemm/q8_sink_ref.h"

#define PANEL 8

void pare_q8_depthwise__ref(const pare_q8_depthwise_args *args);

void pare_q8_depthwise__ref(const pare_q8_depthwise_args *args) {
  for (int64_t m = 0; m < args->m; m++) {
    const int16_t *x = (const int16_t *)args->x + args->rows[m];
    for (int64_t c = 0; c < args->c; c++) {
      const int16_t *w = (const int16_t *)args->w + c / PANEL * args->n_taps * PANEL + c % PANEL * 2;
      uint32_t sum = 0; /* wraps, as vector additions do */
      for (int64_t t = 0; t < args->n_taps; t++)
        sum += (uint32_t)(x[args->taps[t] + c] * w[t / 2 * 2 * PANEL + (t & 1)]);
      pare_q8_store1(&args->sink, m, c, sum);
    }
  }
}
