/* The table of requantization variants. */
#include "kernels/requant/requant.h"

#define PARE_REQUANT(suffix, rank)                                                                           \
  void pare_requantize__##suffix(const pare_requant_args *args);                                             \
  void pare_quantize__##suffix(const pare_requant_args *args);
#include "kernels/requant/requant.def"
#undef PARE_REQUANT

static const pare_requant_kernel kernels[] = {
#define PARE_REQUANT(suffix, rank)                                                                           \
  {"pare_requant__" #suffix, pare_requantize__##suffix, pare_quantize__##suffix, rank},
#include "kernels/requant/requant.def"
#undef PARE_REQUANT
};

int pare_requant_count(void) {
  return (int)PARE_COUNT(kernels);
}

const pare_requant_kernel *pare_requant_at(int i) {
  return i >= 0 && i < pare_requant_count() ? &kernels[i] : NULL;
}

const pare_requant_kernel *pare_requant_select(void) {
  const pare_requant_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > best->rank) best = &kernels[i];
  return best;
}

void pare_requant_to_f32(const pare_requant_args *args, float *y) {
  for (int64_t i = 0; i < args->n; i++) {
    const uint32_t bias = (uint32_t)(args->biases ? args->biases[i] : args->bias);
    y[i] = (float)(int32_t)((uint32_t)args->acc[i] + bias) * (args->scales ? args->scales[i] : args->scale);
  }
}
