/* See sparse_forms.h; compiled once for each WebAssembly module. */
#include "ops/sparse_forms.h"

const pare_sparse_forms *pare_sparse_forms_here(void) {
#ifdef PARE_WITHOUT_RARE
  return NULL;
#else
  static const pare_sparse_forms forms = {
      .conv_use = pare_f32_conv_use_sparse,
      .product_plan = pare_sparse_product_plan,
      .product_run = pare_sparse_product_run,
      .spmm_select = pare_f32_spmm_select,
      .spmv_select = pare_f32_spmv_select,
  };
  return &forms;
#endif
}
