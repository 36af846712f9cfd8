/* C[m,n] (+)= A[m,k] B[k,n] with any strides: packs B and calls f32_gemm. What Gemm, MatMul and LSTM stand
 * on. */
#ifndef PARE_PRODUCT_H
#define PARE_PRODUCT_H

#include "kernels/f32_gemm/f32_gemm.h"
#include "ops/op.h"

typedef struct pare_product {
  int64_t m, n, k;
  const float *a;
  int64_t a_row, a_column;
  const float *b;
  int64_t b_row, b_column;
  float *c;
  int64_t c_row;
  bool accumulate;
} pare_product;

/* Bytes of B[k,n] packed. BAD_MODEL when that overflows. */
pare_status pare_product_bytes(pare_context *ctx, int64_t k, int64_t n, size_t *bytes);
/* `packed` holds B packed: pare_product_bytes. */
void pare_product_run(const pare_call *call, const pare_product *product, float *packed);
/* GEMM arguments without bias and clamp. */
pare_f32_gemm_args pare_product_args(const pare_product *product, const float *packed);

#endif
