/* The plain reference of f32_gemm.h: three loops, one multiply and one add at a time. Every other variant
 * must give these bytes. */
#include "kernels/f32_gemm/f32_gemm.h"

void pare_f32_gemm__ref(const pare_f32_gemm_args *args);

void pare_f32_gemm__ref(const pare_f32_gemm_args *args) {
  const int64_t b_panel = args->b_panel ? args->b_panel : args->k * PARE_F32_NR;
  for (int64_t m = 0; m < args->m; m++) {
    const float *a = args->a + (args->a_offsets ? args->a_offsets[m] : m * args->a_row);
    for (int64_t n = 0; n < args->n; n++) {
      const float *b = args->b + n / PARE_F32_NR * b_panel + n % PARE_F32_NR;
      float *c = args->c + m * args->c_row + n;
      float sum = args->accumulate ? *c : 0.0f;
      for (int64_t k = 0; k < args->k; k++) {
        const int64_t jumps = args->k_run ? k / args->k_run * args->a_jump : 0;
        const float product = a[k * args->a_column + jumps] * b[k * PARE_F32_NR];
        sum = sum + product;
      }
      if (args->row_bias) sum = sum + args->row_bias[m];
      if (args->column_bias) sum = sum + args->column_bias[n];
      if (args->add) sum = sum + args->add[m * args->c_row + n];
      sum = sum < args->clamp_low ? args->clamp_low : sum;
      *c = sum > args->clamp_high ? args->clamp_high : sum;
    }
  }
}
