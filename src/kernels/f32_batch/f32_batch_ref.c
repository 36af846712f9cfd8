/* The plain reference of f32_batch.h. Every other variant must give these bytes. */
#include "kernels/f32_batch/f32_batch.h"

void pare_f32_batch_product__ref(const pare_f32_batch_product_args *args);
void pare_f32_batch_gradient__ref(const pare_f32_batch_gradient_args *args);

void pare_f32_batch_product__ref(const pare_f32_batch_product_args *args) {
  for (int64_t m = 0; m < args->m; m++) {
    for (int64_t n = 0; n < args->n; n++) {
      float *c = args->c + m * args->c_row + n;
      float sum = args->accumulate ? *c : 0.0f;
      for (int64_t k = 0; k < args->n_taps; k++) {
        const float product = args->a[m * args->a_row + args->a_at[k]] * args->b[args->b_at[k] + n];
        sum = sum + product;
      }
      *c = args->row_bias ? sum + args->row_bias[m] : sum;
    }
  }
}

void pare_f32_batch_gradient__ref(const pare_f32_batch_gradient_args *args) {
  for (int64_t r = 0; r < args->rows; r++) {
    for (int64_t t = 0; t < args->taps; t++) {
      float *sums = args->sums + (r * PARE_F32_BATCH_TAPS + t) * PARE_F32_BATCH_LANES;
      for (int64_t y = 0; y < args->n_y; y++) {
        for (int64_t x = 0; x < args->n_x; x++) {
          const float *dy = args->dy + r * args->dy_row + y * args->dy_y + x * args->n,
                      *from = args->x + t * args->x_row + y * args->x_y + x * args->x_x;
          for (int64_t n = 0; n < args->n; n++) {
            const float product = dy[n] * from[n];
            sums[n % PARE_F32_BATCH_LANES] = sums[n % PARE_F32_BATCH_LANES] + product;
          }
        }
      }
    }
  }
}
