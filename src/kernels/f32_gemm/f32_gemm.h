/* f32 matrix multiplication on packed panels:
 *   C[m,n] = clamp( (accumulate ? C[m,n] : 0) + sum_k A[m,k] B[k,n]  + row_bias[m] + column_bias[n] + add[m,n] )
 * In exact numerics the sum over k runs in ascending k with one rounding per multiply and one per add, so
 * every variant gives the same bytes; a sum cut into pieces (accumulate) is the same sum. */
#ifndef PARE_F32_GEMM_H
#define PARE_F32_GEMM_H

#include "base/parallel.h"

#define PARE_F32_NR 8 /* columns in a panel of B, in every variant */

typedef struct pare_f32_gemm_args {
  int64_t m, n, k;
  const float *a; /* A[m,k] at a[m * a_row + k * a_column] */
  int64_t a_row, a_column;
  /* [m] or NULL: A[m,k] at a[a_offsets[m] + k * a_column] instead; a_row is not used */
  const int64_t *a_offsets;
  /* k_run > 0: after every k_run steps A moves a_jump floats further (rows of an image in a padded image) */
  int64_t k_run, a_jump;
  const float *b;  /* packed: [ceil(n / 8)][k][8], missing columns zero */
  int64_t b_panel; /* floats from one panel to the next; 0: k * 8 */
  float *c;        /* C[m,n] at c[m * c_row + n] */
  int64_t c_row;
  bool accumulate;
  const float *row_bias;       /* [m] or NULL */
  const float *column_bias;    /* [n] or NULL */
  const float *add;            /* [m,n] with the rows of c, or NULL */
  float clamp_low, clamp_high; /* -INFINITY, INFINITY: none */
} pare_f32_gemm_args;

typedef void (*pare_f32_gemm_fn)(const pare_f32_gemm_args *args);

typedef struct pare_f32_gemm_kernel {
  const char *name;
  pare_f32_gemm_fn run;
  bool fast; /* fused multiply-add: only with PARE_FAST */
  int rank;  /* the largest wins; 0 is the plain reference */
} pare_f32_gemm_kernel;

int pare_f32_gemm_count(void);
const pare_f32_gemm_kernel *pare_f32_gemm_at(int i);
const pare_f32_gemm_kernel *pare_f32_gemm_select(pare_numerics numerics);

size_t pare_f32_pack_len(int64_t k, int64_t n); /* floats */
/* B[k,n] at b[k * b_row + n * b_column] into panels. */
void pare_f32_pack_b(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t n, float *packed);
/* Splits rows or panels over the pool; the same bytes for any number of threads. */
void pare_f32_gemm(pare_pool *pool, pare_numerics numerics, const pare_f32_gemm_args *args);

#endif
