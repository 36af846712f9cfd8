/* From int32 sums to int8, and between f32 and int8, row by row. The rounding is ONNX Runtime's and ONNX's: half to even.
 *   requantize  y = clamp(half_even(clamp((float)(acc + bias) * scale)) + zero_point)
 *   quantize    y = clamp(half_even(clamp(x / scale)) + zero_point)      a division, not a product with 1 / scale
 * Clamping first keeps the sum exact; a NaN becomes the lower bound, as in ONNX Runtime on x86. All variants agree bit for bit. */
#ifndef PARE_REQUANT_H
#define PARE_REQUANT_H

#include "base/base.h"

typedef struct pare_requant_args {
  const int32_t *acc;    /* requantize: [n] */
  int32_t bias;          /* requantize: for all; sums wrap */
  const int32_t *biases; /* requantize: [n], or NULL for `bias` */
  const float *x;        /* quantize: [n] */
  int64_t n;
  float scale;         /* for all, > 0 */
  const float *scales; /* requantize: [n], or NULL for `scale` */
  int32_t zero_point;
  int32_t low, high; /* of y, within its type: 0..255 or -128..127; narrower where an activation is fused */
  bool is_signed;
  void *y; /* [n] u8 or s8 */
} pare_requant_args;

typedef struct pare_requant_kernel {
  const char *name;
  void (*requantize)(const pare_requant_args *args);
  void (*quantize)(const pare_requant_args *args);
  int rank; /* the largest wins; 0 is the plain reference */
} pare_requant_kernel;

int pare_requant_count(void);
const pare_requant_kernel *pare_requant_at(int i);
const pare_requant_kernel *pare_requant_select(void);

/* y[n] = (float)(acc + bias) * scale, with the same members. */
void pare_requant_to_f32(const pare_requant_args *args, float *y);

#endif
