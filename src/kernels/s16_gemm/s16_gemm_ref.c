/* The plain reference of s16_gemm.h: what every variant must equal bit for bit. */
#include "kernels/s16_gemm/s16_gemm.h"

void pare_s16_gemm__ref(const pare_s16_gemm_args *args);

void pare_s16_gemm__ref(const pare_s16_gemm_args *args) {
  const int64_t panel = args->k_pairs * 2 * PARE_S16_NR;
  for (int64_t m = 0; m < args->m; m++) {
    const int16_t *a = args->a + m * args->a_row;
    for (int64_t n = 0; n < args->n_panels * PARE_S16_NR; n++) {
      const int16_t *b = args->b + n / PARE_S16_NR * panel + n % PARE_S16_NR * 2;
      uint32_t sum = 0; /* wraps, as vector additions do */
      for (int64_t k = 0; k < 2 * args->k_pairs; k++)
        sum += (uint32_t)(a[k] * b[k / 2 * 2 * PARE_S16_NR + (k & 1)]);
      args->c[m * args->c_row + n] = (int32_t)sum;
    }
  }
}
