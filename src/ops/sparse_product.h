/* C[m,n] = clamp(A[m,k] B[k,n] + bias[n]) with a constant B of many zeros. With one or two rows of A each goes through
 * f32_spmv. With more, f32_spmm: A is transposed into scratch, so that vectors lie along the rows of A (samples of a
 * batch), and C back. Used by Gemm and MatMul. */
#ifndef PARE_SPARSE_PRODUCT_H
#define PARE_SPARSE_PRODUCT_H

#include "kernels/f32_spmm/f32_spmm.h"
#include "kernels/f32_spmv/f32_spmv.h"
#include "ops/product.h"

typedef struct pare_sparse_product {
  pare_f32_sparse b;    /* by columns of B: [n, k] */
  int64_t rows, pitch;  /* m, filled up to whole vectors; floats between the rows of scratch */
  pare_f32_spmv vector; /* the same for single rows; n_groups 0: not used */
} pare_sparse_product;

/* In prepare: *out is NULL when the dense product is faster; otherwise call->sparse and what scratch it takes are
 * set. `product` without a, c and accumulate. OUT_OF_MEMORY, BAD_MODEL when sizes overflow. */
pare_status pare_sparse_product_plan(pare_call *call, const pare_product *product, pare_sparse_product **out);
/* args: as for f32_gemm, without row_bias, offsets and runs; its b is not used. a_column is 1. */
void pare_sparse_product_run(const pare_call *call, const pare_sparse_product *sparse,
                             const pare_f32_gemm_args *args);

#endif
