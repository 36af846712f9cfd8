/* Products with sparse constant weights (sparse_product.h). */
#include "ops/sparse_product.h"

#include <string.h>

#include "kernels/f32_transpose/f32_transpose.h"

pare_status pare_sparse_product_plan(pare_call *call, const pare_product *product,
                                     pare_sparse_product **out) {
  const int64_t rows = (product->m + 15) / 16 * 16;
  int64_t n_nonzeros = 0;
  size_t floats;
  *out = NULL;
  for (int64_t i = 0; i < product->k * product->n; i++) n_nonzeros += product->b[i] != 0.0f;
  if (!pare_f32_spmm_wins(n_nonzeros, product->n, product->k, product->m, rows)) return PARE_OK;
  if (product->k > INT32_MAX / rows) return PARE_OK; /* places are 32 bits */
  pare_sparse_product *sparse = pare_arena_alloc(call->arena, sizeof *sparse);
  if (!sparse) return PARE_OUT_OF_MEMORY;
  sparse->rows = rows;
  PARE_TRY(pare_f32_sparse_pack(call->arena, product->b, product->b_column, product->b_row, product->n,
                                product->k, NULL, rows, &sparse->b));
  if (!pare_mul_size((size_t)(product->k + product->n), (size_t)rows, &floats) ||
      !pare_mul_size(floats, sizeof(float), &call->scratch_bytes)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  }
  call->sparse = true;
  *out = sparse;
  return PARE_OK;
}

void pare_sparse_product_run(const pare_call *call, const pare_sparse_product *sparse,
                             const pare_f32_gemm_args *args) {
  float *x = call->scratch, *c = x + args->k * sparse->rows;
  pare_f32_transpose(args->a, args->a_row, args->m, args->k, x, sparse->rows);
  for (int64_t k = 0; k < args->k && args->m < sparse->rows; k++) {
    memset(x + k * sparse->rows + args->m, 0, (size_t)(sparse->rows - args->m) * sizeof(float));
  }
  const pare_f32_spmm_args spmm = {.a = &sparse->b,
                                   .m = args->n,
                                   .n = sparse->rows,
                                   .x = x,
                                   .c = c,
                                   .c_row = sparse->rows,
                                   .row_bias = args->column_bias,
                                   .clamp_low = args->clamp_low,
                                   .clamp_high = args->clamp_high};
  pare_f32_spmm(call->pool, call->numerics, &spmm);
  pare_f32_transpose(c, sparse->rows, args->n, args->m, args->c, args->c_row);
}
