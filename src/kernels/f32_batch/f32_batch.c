/* The table of f32_batch variants. */
#include "kernels/f32_batch/f32_batch.h"
#include "kernels/cpu.h"

#define PARE_F32_BATCH(suffix, isa, fast, rank)                                                              \
  void pare_f32_batch_product__##suffix(const pare_f32_batch_product_args *args);                            \
  void pare_f32_batch_gradient__##suffix(const pare_f32_batch_gradient_args *args);
#include "kernels/f32_batch/f32_batch.def"
#undef PARE_F32_BATCH

static const pare_f32_batch_kernel kernels[] = {
#define PARE_F32_BATCH(suffix, isa, fast, rank)                                                              \
  {"pare_f32_batch__" #suffix, pare_f32_batch_product__##suffix, pare_f32_batch_gradient__##suffix, fast,    \
   rank},
#include "kernels/f32_batch/f32_batch.def"
#undef PARE_F32_BATCH
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_BATCH(suffix, isa, fast, rank)                                                              \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/f32_batch/f32_batch.def"
#undef PARE_F32_BATCH
  return false;
}

int pare_f32_batch_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_batch_kernel *pare_f32_batch_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

const pare_f32_batch_kernel *pare_f32_batch_select(pare_numerics numerics) {
  const pare_f32_batch_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    const bool allowed = !kernels[i].fast || numerics == PARE_FAST;
    if (allowed && kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  }
  return best;
}
