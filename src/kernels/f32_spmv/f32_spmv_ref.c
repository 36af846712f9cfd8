/* The plain reference of f32_spmv.h. Every other variant must give these bytes. */
#include "kernels/f32_spmv/f32_spmv.h"

void pare_f32_spmv__ref(const pare_f32_spmv_args *args);

/* What a step adds to the sum of a lane. Nothing multiplies x[k], a zero: adding it changes no sum. */
static float product_of(const pare_f32_spmv *a, int64_t step, int64_t lane) {
  const int64_t at = step * a->lanes + lane;
  if (!a->words) return a->values[at] * a->x[a->columns[at]];
  const pare_f32_spmv_word *value = a->words + 2 * step * a->lanes + lane;
  return value->value * *(const float *)(pare_f32_spmv_base(a) + value[a->lanes].place);
}

void pare_f32_spmv__ref(const pare_f32_spmv_args *args) {
  const pare_f32_spmv *a = args->a;
  int64_t first = 0;
  for (int64_t group = 0; group < a->n_groups; group++) {
    const int64_t end = a->n_blocks ? a->ends[(group + 1) * a->n_blocks - 1] : first;
    for (int64_t lane = 0; lane < a->lanes; lane++) {
      float sum = 0.0f;
      for (int64_t step = first; step < end; step++) {
        const float product = product_of(a, step, lane);
        sum = sum + product;
      }
      a->sums[group * a->lanes + lane] = sum;
    }
    first = end;
  }
  pare_f32_spmv_store(args, 0);
}
