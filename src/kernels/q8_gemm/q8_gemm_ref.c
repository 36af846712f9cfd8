/* The plain reference of q8_gemm.h: what every variant must equal bit for bit. */
#include "kernels/q8_gemm/q8_gemm.h"

#include "kernels/q8_gemm/q8_sink_ref.h"

#define PANEL 8

void pare_q8_gemm__ref(const pare_q8_gemm_args *args);

void pare_q8_gemm__ref(const pare_q8_gemm_args *args) {
  const int64_t panel = args->n_runs * args->run_len * PANEL;
  for (int64_t m = 0; m < args->m; m++) {
    const int16_t *a = (const int16_t *)args->a + (args->rows ? args->rows[m] : m * args->a_row);
    for (int64_t n = 0; n < args->n; n++) {
      const int16_t *b = (const int16_t *)args->b + n / PANEL * panel + n % PANEL * 2;
      uint32_t sum = 0; /* wraps, as vector additions do */
      for (int64_t r = 0; r < args->n_runs; r++)
        for (int64_t t = 0; t < args->run_len; t++)
          sum += (uint32_t)(a[args->runs[r] + t] * b[(r * args->run_len + t) / 2 * 2 * PANEL + (t & 1)]);
      pare_q8_store1(&args->sink, m, n, sum);
    }
  }
}
