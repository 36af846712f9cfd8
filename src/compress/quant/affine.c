/* affine.h. PyTorch's CPU quantization multiplies by the reciprocal in f32; ONNX divides. */
#include "compress/quant/affine.h"

#include <math.h>

static bool bounds_of(pare_dtype dtype, double *low, double *high) {
  *low = dtype == PARE_U8 ? 0 : dtype == PARE_S8 ? -128 : -2147483648.0;
  *high = dtype == PARE_U8 ? 255 : dtype == PARE_S8 ? 127 : 2147483647.0;
  return dtype == PARE_U8 || dtype == PARE_S8 || dtype == PARE_S32;
}

pare_status pare_quantize_affine(pare_context *ctx, const float *x, int64_t n, float scale, int32_t zero,
                                 pare_dtype dtype, pare_rounding rounding, void *q) {
  double low, high;
  if (!bounds_of(dtype, &low, &high))
    return pare_fail(ctx, PARE_BAD_ARGUMENT, "cannot quantize to %s", pare_dtype_name(dtype));
  const float inverse = 1.0f / scale;
  for (int64_t i = 0; i < n; i++) {
    const float steps = rounding == PARE_ROUND_TORCH ? x[i] * inverse : x[i] / scale;
    double value = (double)nearbyintf(steps) + zero; /* exact: both are integers below 2^53, or far outside */
    value = value > low ? value : low;               /* a NaN becomes the least */
    value = value < high ? value : high;
    if (dtype == PARE_S32)
      ((int32_t *)q)[i] = (int32_t)value;
    else if (dtype == PARE_S8)
      ((int8_t *)q)[i] = (int8_t)value;
    else
      ((uint8_t *)q)[i] = (uint8_t)value;
  }
  return PARE_OK;
}

void pare_dequantize_affine(const void *q, pare_dtype dtype, int64_t n, float scale, int32_t zero, float *x) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t value = dtype == PARE_S32  ? ((const int32_t *)q)[i]
                          : dtype == PARE_S8 ? ((const int8_t *)q)[i]
                                             : ((const uint8_t *)q)[i];
    x[i] = (float)(value - zero) * scale;
  }
}

pare_status pare_quantize_affine_axis(pare_context *ctx, const float *x, const pare_shape *shape, int axis,
                                      const float *scales, const int32_t *zeros, pare_dtype dtype,
                                      pare_rounding rounding, void *q) {
  const int64_t repeats = pare_shape_count_range(shape, 0, axis), channels = shape->dims[axis];
  const int64_t n = pare_shape_count_range(shape, axis + 1, shape->rank);
  const int64_t size = (int64_t)pare_dtype_size(dtype);
  for (int64_t i = 0; i < repeats * channels; i++) {
    const int64_t c = i % channels;
    PARE_TRY(pare_quantize_affine(ctx, x + i * n, n, scales[c], zeros ? zeros[c] : 0, dtype, rounding,
                                  (uint8_t *)q + i * n * size));
  }
  return PARE_OK;
}

pare_affine pare_affine_of_range(float low, float high, pare_dtype dtype) {
  const int32_t least = dtype == PARE_S8 ? -128 : 0;
  low = low < 0.0f ? low : 0.0f;
  high = high > 0.0f ? high : 0.0f;
  pare_affine affine;
  affine.scale = (float)(((double)high - low) / 255.0);
  if (!(affine.scale >= PARE_SCALE_MIN)) affine.scale = PARE_SCALE_MIN;
  const float zero = (float)least - nearbyintf(low / affine.scale);
  affine.zero = zero < (float)(least + 255) ? (int32_t)zero : least + 255;
  return affine;
}

float pare_affine_symmetric(float most) {
  const float scale = most / 127.0f;
  return scale >= PARE_SCALE_MIN ? scale : PARE_SCALE_MIN;
}
