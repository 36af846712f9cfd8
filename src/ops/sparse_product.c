/* Products with sparse constant weights (sparse_product.h). */
#include "ops/sparse_product.h"

#include <string.h>

#include "kernels/f32_transpose/f32_transpose.h"

static pare_status plan_vector(pare_call *call, const pare_product *product, pare_sparse_product *sparse) {
  return pare_f32_spmv_pack(call->arena, pare_f32_spmv_select(), product->b, product->b_column,
                            product->b_row, product->n, product->k, &sparse->vector);
}

static pare_status plan_batch(pare_call *call, const pare_product *product, pare_sparse_product *sparse) {
  size_t floats;
  if (!pare_mul_size((size_t)(product->k + product->n), (size_t)sparse->pitch, &floats) ||
      !pare_add_size(floats, PARE_F32_SPMM_LINE, &floats) ||
      !pare_mul_size(floats, sizeof(float), &call->scratch_bytes)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  }
  const pare_f32_sparse_source source = {
      .a = product->b,
      .a_row = product->b_column,
      .a_column = product->b_row,
      .m = product->n,
      .k = product->k,
      .place_step = sparse->pitch,
      .block = pare_f32_spmm_block(pare_f32_spmm_select(call->numerics)->columns, sparse->rows, 1, 0),
  };
  return pare_f32_sparse_pack(call->arena, &source, &sparse->b);
}

pare_status pare_sparse_product_plan(pare_call *call, const pare_product *product,
                                     pare_sparse_product **out) {
  const int64_t rows = (product->m + 15) / 16 * 16;
  int64_t n_nonzeros = 0;
  *out = NULL;
  for (int64_t i = 0; i < product->k * product->n; i++) n_nonzeros += product->b[i] != 0.0f;
  const bool vector = pare_f32_spmv_wins(n_nonzeros, product->n, product->k, product->m);
  if (!vector && !pare_f32_spmm_wins(n_nonzeros, product->n, product->k, product->m, rows)) return PARE_OK;
  if (!vector && product->k > INT32_MAX / (4 * rows + 128)) return PARE_OK; /* places are 32 bits */
  pare_sparse_product *sparse = pare_arena_alloc(call->arena, sizeof *sparse);
  if (!sparse) return PARE_OUT_OF_MEMORY;
  sparse->rows = rows;
  sparse->pitch = pare_f32_spmm_pitch(rows);
  PARE_TRY(vector ? plan_vector(call, product, sparse) : plan_batch(call, product, sparse));
  call->sparse = true;
  *out = sparse;
  return PARE_OK;
}

static void run_vector(const pare_f32_spmv *vector, const pare_f32_gemm_args *args) {
  for (int64_t m = 0; m < args->m; m++) {
    memcpy(vector->x, args->a + m * args->a_row, (size_t)args->k * sizeof(float));
    const pare_f32_spmv_args spmv = {vector, args->c + m * args->c_row, args->column_bias, args->clamp_low,
                                     args->clamp_high};
    pare_f32_spmv_select()->run(&spmv);
  }
}

void pare_sparse_product_run(const pare_call *call, const pare_sparse_product *sparse,
                             const pare_f32_gemm_args *args) {
  if (sparse->vector.n_groups) {
    run_vector(&sparse->vector, args);
    return;
  }
  float *x = pare_f32_spmm_line(call->scratch), *c = x + args->k * sparse->pitch;
  pare_f32_transpose(args->a, args->a_row, args->m, args->k, x, sparse->pitch);
  for (int64_t k = 0; k < args->k && args->m < sparse->rows; k++) {
    memset(x + k * sparse->pitch + args->m, 0, (size_t)(sparse->rows - args->m) * sizeof(float));
  }
  const pare_f32_spmm_args spmm = {.a = &sparse->b,
                                   .m = args->n,
                                   .n = sparse->rows,
                                   .x = x,
                                   .c = c,
                                   .c_row = sparse->pitch,
                                   .row_bias = args->column_bias,
                                   .clamp_low = args->clamp_low,
                                   .clamp_high = args->clamp_high};
  pare_f32_spmm(call->pool, call->numerics, &spmm);
  pare_f32_transpose(c, sparse->pitch, args->n, args->m, args->c, args->c_row);
}
