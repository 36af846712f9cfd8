/* The sum of two tensors of 8 bits, each with a scale and a zero point of its own, as ONNX Runtime computes its QLinearAdd:
 *   y[i] = clamp(half_even((fixed + ratio_a a[i]) + ratio_b b[i])), low <= y <= high
 * in f32, with ratio = scale / scale_y and fixed = zero_y - (ratio_a zero_a + ratio_b zero_b). All variants agree bit for bit. */
#ifndef PARE_Q8_ADD_H
#define PARE_Q8_ADD_H

#include <math.h>

#include "base/base.h"

typedef struct pare_q8_add_args {
  const uint8_t *a, *b;
  int64_t n;
  bool is_signed; /* all three are s8 */
  float ratio_a, ratio_b, fixed, low, high;
  uint8_t *y;
} pare_q8_add_args;

typedef struct pare_q8_add_kernel {
  const char *name;
  void (*run)(const pare_q8_add_args *args);
  int rank;
} pare_q8_add_kernel;

int pare_q8_add_count(void); /* those that this processor runs */
const pare_q8_add_kernel *pare_q8_add_at(int i);
const pare_q8_add_kernel *pare_q8_add_select(void);

/* One element. */
static inline uint8_t pare_q8_add_one(const pare_q8_add_args *args, uint8_t a, uint8_t b) {
  float value = args->fixed + args->ratio_a * (float)(args->is_signed ? (int8_t)a : a);
  value = value + args->ratio_b * (float)(args->is_signed ? (int8_t)b : b);
  value = value > args->low ? value : args->low; /* a NaN becomes low */
  value = value < args->high ? value : args->high;
  return (uint8_t)(int32_t)nearbyintf(value);
}

#endif
