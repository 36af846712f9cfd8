/* The plain reference of requant.h. */
#include <math.h>

#include "kernels/requant/requant.h"

void pare_requantize__half_even_ref(const pare_requant_args *args);
void pare_quantize__half_even_ref(const pare_requant_args *args);

static void put(const pare_requant_args *args, int64_t i, float value) {
  const float low = (float)(args->low - args->zero_point), high = (float)(args->high - args->zero_point);
  value = value > low ? value : low; /* a NaN becomes low */
  value = value < high ? value : high;
  const int32_t y = (int32_t)nearbyintf(value) + args->zero_point;
  if (args->is_signed)
    ((int8_t *)args->y)[i] = (int8_t)y;
  else
    ((uint8_t *)args->y)[i] = (uint8_t)y;
}

void pare_requantize__half_even_ref(const pare_requant_args *args) {
  for (int64_t i = 0; i < args->n; i++) {
    const uint32_t bias = (uint32_t)(args->biases ? args->biases[i] : args->bias);
    const int32_t acc = (int32_t)((uint32_t)args->acc[i] + bias);
    put(args, i, (float)acc * (args->scales ? args->scales[i] : args->scale));
  }
}

void pare_quantize__half_even_ref(const pare_requant_args *args) {
  for (int64_t i = 0; i < args->n; i++) put(args, i, args->x[i] / args->scale);
}
