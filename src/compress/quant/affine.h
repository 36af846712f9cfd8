/* Affine quantization: x ~ (q - zero) * scale. Scales and zero points from ranges, and both libraries' roundings. */
#ifndef PARE_AFFINE_H
#define PARE_AFFINE_H

#include "tensor/tensor.h"

/* ONNX:  q = saturate(half_even(x / scale) + zero)         QuantizeLinear, ONNX Runtime
 * TORCH: q = saturate(half_even(x * (1 / scale)) + zero)   torch.quantize_per_tensor and _per_channel on the CPU
 * They differ where x / scale is a half, or one rounding away from one. */
typedef enum pare_rounding { PARE_ROUND_ONNX, PARE_ROUND_TORCH } pare_rounding;

typedef struct pare_affine {
  float scale; /* never below PARE_SCALE_MIN */
  int32_t zero;
} pare_affine;

#define PARE_SCALE_MIN 1.1920929e-07f /* f32 epsilon, PyTorch's least scale: an all-zero channel has it */

/* u8, s8 or s32; BAD_ARGUMENT otherwise. */
pare_status pare_quantize_affine(pare_context *ctx, const float *x, int64_t n, float scale, int32_t zero,
                                 pare_dtype dtype, pare_rounding rounding, void *q);
void pare_dequantize_affine(const void *q, pare_dtype dtype, int64_t n, float scale, int32_t zero, float *x);
/* Along `axis`: scales[shape[axis]], zeros[shape[axis]] or NULL for 0. */
pare_status pare_quantize_affine_axis(pare_context *ctx, const float *x, const pare_shape *shape, int axis,
                                      const float *scales, const int32_t *zeros, pare_dtype dtype,
                                      pare_rounding rounding, void *q);

/* All 256 steps over [min(low, 0), max(high, 0)], so that 0 is exact: scale = (high - low) / 255, zero = half_even(least - low / scale). */
pare_affine pare_affine_of_range(float low, float high, pare_dtype dtype);
/* Symmetric s8, zero 0, steps -127..127: scale = most / 127. */
float pare_affine_symmetric(float most);

#endif
