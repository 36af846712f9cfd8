/* The table of int8 depthwise variants. */
#include "kernels/s16_depthwise/s16_depthwise.h"

#define PARE_S16_DEPTHWISE(suffix, rank)                                                                     \
  void pare_s16_depthwise__##suffix(const pare_s16_depthwise_args *args);
#include "kernels/s16_depthwise/s16_depthwise.def"
#undef PARE_S16_DEPTHWISE

static const pare_s16_depthwise_kernel kernels[] = {
#define PARE_S16_DEPTHWISE(suffix, rank) {"pare_s16_depthwise__" #suffix, pare_s16_depthwise__##suffix, rank},
#include "kernels/s16_depthwise/s16_depthwise.def"
#undef PARE_S16_DEPTHWISE
};

int pare_s16_depthwise_count(void) {
  return (int)PARE_COUNT(kernels);
}

const pare_s16_depthwise_kernel *pare_s16_depthwise_at(int i) {
  return i >= 0 && i < pare_s16_depthwise_count() ? &kernels[i] : NULL;
}

const pare_s16_depthwise_kernel *pare_s16_depthwise_select(void) {
  const pare_s16_depthwise_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > best->rank) best = &kernels[i];
  return best;
}
