/* The table of int8 depthwise variants. */
#include "kernels/q8_depthwise/q8_depthwise.h"

#define PARE_Q8_DEPTHWISE(suffix, isa, format, panel, order, rank)                                           \
  void pare_q8_depthwise__##suffix(const pare_q8_depthwise_args *args);
#include "kernels/q8_depthwise/q8_depthwise.def"
#undef PARE_Q8_DEPTHWISE

static const pare_q8_depthwise_kernel kernels[] = {
#define PARE_Q8_DEPTHWISE(suffix, isa, format, panel, order, rank)                                           \
  {"pare_q8_depthwise__" #suffix,                                                                            \
   pare_q8_depthwise__##suffix,                                                                              \
   {NULL, NULL, PARE_Q8_##format, panel, order, 0, 0},                                                       \
   rank},
#include "kernels/q8_depthwise/q8_depthwise.def"
#undef PARE_Q8_DEPTHWISE
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_Q8_DEPTHWISE(suffix, isa, format, panel, order, rank)                                           \
  if (i == at++) return PARE_CPU_HAS_##isa;
#include "kernels/q8_depthwise/q8_depthwise.def"
#undef PARE_Q8_DEPTHWISE
  return false;
}

int pare_q8_depthwise_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_q8_depthwise_kernel *pare_q8_depthwise_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++)
    if (runs_here(at) && i-- == 0) return &kernels[at];
  return NULL;
}

const pare_q8_depthwise_kernel *pare_q8_depthwise_select(bool plain_weights) {
  const pare_q8_depthwise_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    if (kernels[i].packing.format == PARE_Q8_BYTES && !plain_weights) continue;
    if (kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  }
  return best;
}
