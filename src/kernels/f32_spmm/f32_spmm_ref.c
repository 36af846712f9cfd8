/* The plain reference of f32_spmm.h. Every other variant must give these bytes. */
#include "kernels/f32_spmm/f32_spmm.h"

void pare_f32_spmm__ref(const pare_f32_spmm_args *args);

void pare_f32_spmm__ref(const pare_f32_spmm_args *args) {
  const pare_f32_sparse *a = args->a;
  for (int64_t m = 0; m < args->m; m++) {
    for (int64_t n = 0; n < args->n; n++) {
      float sum = 0.0f;
      for (int64_t b = 0; b < a->n_blocks; b++) {
        const int64_t i_row = b * a->m + args->m_first + m;
        for (int64_t e = i_row > 0 ? a->ends[i_row - 1] : 0; e < a->ends[i_row]; e++) {
          const float product = a->values[e] * args->x[a->places[e] / (int32_t)sizeof(float) + n];
          sum = sum + product;
        }
      }
      if (args->row_bias) sum = sum + args->row_bias[m];
      sum = sum < args->clamp_low ? args->clamp_low : sum;
      args->c[m * args->c_row + n] = sum > args->clamp_high ? args->clamp_high : sum;
    }
  }
}
