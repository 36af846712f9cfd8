/* Convolutions and products with sparse constant weights, for the operators and reports. The page's first module is built
 * without them (PARE_WITHOUT_RARE) and computes densely what they would: the same bytes for finite inputs. */
#ifndef PARE_SPARSE_FORMS_H
#define PARE_SPARSE_FORMS_H

#include "kernels/f32_conv/f32_conv.h"
#include "ops/sparse_product.h"

typedef struct pare_sparse_forms {
  pare_status (*conv_use)(pare_f32_conv *conv, pare_arena *arena, const float *w);
  pare_status (*product_plan)(pare_call *call, const pare_product *product, pare_sparse_product **out);
  void (*product_run)(const pare_call *call, const pare_sparse_product *sparse,
                      const pare_f32_gemm_args *args);
  const pare_f32_spmm_kernel *(*spmm_select)(pare_numerics numerics);
  const pare_f32_spmv_kernel *(*spmv_select)(void);
} pare_sparse_forms;

const pare_sparse_forms *pare_sparse_forms_here(void); /* NULL: this build has none */

#endif
