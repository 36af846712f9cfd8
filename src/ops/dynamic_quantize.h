/* Scale and zero point of values met while running (ONNX DynamicQuantizeLinear, opset 11). */
#ifndef PARE_DYNAMIC_QUANTIZE_H
#define PARE_DYNAMIC_QUANTIZE_H

#include <stdint.h>

/* scale = (max(x, 0) - min(x, 0)) / 255, or 1 when all is zero; zero = half_even(saturate(-min / scale)). NaNs are passed over. */
void pare_dynamic_scale_u8(const float *x, int64_t n, float *scale, uint8_t *zero);
/* The same, and y = saturate(half_even(x / scale) + zero). */
void pare_dynamic_quantize_u8(const float *x, int64_t n, float *scale, uint8_t *zero, uint8_t *y);

#endif
