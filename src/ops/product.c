/* Matrix products of operators (product.h). */
#include "ops/product.h"

#include <math.h>

pare_status pare_product_bytes(pare_context *ctx, int64_t k, int64_t n, size_t *bytes) {
  size_t width;
  if (pare_add_size((size_t)n, PARE_F32_NR - 1, &width) &&
      pare_mul_size(width / PARE_F32_NR * PARE_F32_NR, (size_t)k, bytes) &&
      pare_mul_size(*bytes, sizeof(float), bytes)) {
    return PARE_OK;
  }
  return pare_fail(ctx, PARE_BAD_MODEL, "a matrix of %lld x %lld is too large", (long long)k, (long long)n);
}

pare_f32_gemm_args pare_product_args(const pare_product *product, const float *packed) {
  return (pare_f32_gemm_args){.m = product->m,
                              .n = product->n,
                              .k = product->k,
                              .a = product->a,
                              .a_row = product->a_row,
                              .a_column = product->a_column,
                              .b = packed,
                              .c = product->c,
                              .c_row = product->c_row,
                              .accumulate = product->accumulate,
                              .clamp_low = -INFINITY,
                              .clamp_high = INFINITY};
}

void pare_product_run(const pare_call *call, const pare_product *product, float *packed) {
  pare_f32_pack_b(product->b, product->b_row, product->b_column, product->k, product->n, packed);
  const pare_f32_gemm_args args = pare_product_args(product, packed);
  pare_f32_gemm(call->pool, call->numerics, &args);
}
