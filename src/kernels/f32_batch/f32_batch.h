/* The kernels of convolutions in training, where images stand side by side: X[c,y,x,n] with the image n innermost
 * (Krizhevsky's cuda-convnet, "CHWN"). Vectors lie along images, so any number of channels, any width, padding and
 * stride fill them, nothing is unfolded or packed, and a weight is loaded once for all images.
 *   product   C[m,n] (+)= sum_k A[m * a_row + a_at[k]] B[b_at[k] + n]   one place of the output, all images
 *   gradient  sums[r,t,l] += sum over y, x and images n = l mod 8 of dY[r,y,x,n] X[t,y,x,n]
 * n is a multiple of 16 everywhere. In exact numerics products are added in ascending k, and a lane of sums gets
 * its products in the order y, x, n, one rounding per multiply and one per add: every variant gives the same bytes. */
#ifndef PARE_F32_BATCH_H
#define PARE_F32_BATCH_H

#include "base/base.h"

#define PARE_F32_BATCH_MULTIPLE 16 /* images come in multiples of this */
#define PARE_F32_BATCH_ROWS     6  /* most rows and taps of a gradient tile, in every variant */
#define PARE_F32_BATCH_TAPS     2
#define PARE_F32_BATCH_LANES    8

typedef struct pare_f32_batch_product_args {
  int64_t m, n, n_taps;
  const float *a; /* A[m,k] at a[m * a_row + a_at[k]] */
  int64_t a_row;
  const float *b; /* B[k,n] at b[b_at[k] + n] */
  const int32_t *a_at, *b_at;
  float *c; /* C[m,n] at c[m * c_row + n] */
  int64_t c_row;
  bool accumulate;
  const float *row_bias; /* [m] or NULL */
} pare_f32_batch_product_args;

typedef struct pare_f32_batch_gradient_args {
  int64_t rows, taps; /* at most PARE_F32_BATCH_ROWS, PARE_F32_BATCH_TAPS */
  int64_t n_y, n_x, n;
  const float *dy; /* dY[r,y,x,n] at dy[r * dy_row + y * dy_y + x * n + n] */
  int64_t dy_row, dy_y;
  const float *x; /* X[t,y,x,n] at x[t * x_row + y * x_y + x * x_x + n] */
  int64_t x_row, x_y, x_x;
  float *sums; /* [PARE_F32_BATCH_ROWS][PARE_F32_BATCH_TAPS][PARE_F32_BATCH_LANES] */
} pare_f32_batch_gradient_args;

typedef struct pare_f32_batch_kernel {
  const char *name;
  void (*product)(const pare_f32_batch_product_args *args);
  void (*gradient)(const pare_f32_batch_gradient_args *args);
  bool fast; /* fused multiply-add: only with PARE_FAST */
  int rank;  /* the largest wins; 0 is the plain reference */
} pare_f32_batch_kernel;

int pare_f32_batch_count(void); /* those that this processor runs */
const pare_f32_batch_kernel *pare_f32_batch_at(int i);
const pare_f32_batch_kernel *pare_f32_batch_select(pare_numerics numerics);

#endif
