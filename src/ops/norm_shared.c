/* Rows normalised; see norm.h. */
#include <math.h>

#include "ops/norm.h"

static float at_or(const float *values, int64_t i, float fallback) {
  return values ? values[i] : fallback;
}

void pare_norm_row(const pare_norm *norm, int64_t i_row, const float *x, float *y, float *stats) {
  const int64_t n = norm->n_parts * norm->part, first = i_row % norm->period * norm->n_parts;
  const float count = (float)n, mean = n ? pare_op_sum_f32(x, n) / count : 0.0f;
  const float inverse = 1.0f / sqrtf((n ? pare_op_squares_f32(x, mean, n) / count : 0.0f) + norm->epsilon);
  stats[0] = mean;
  stats[1] = inverse;
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse;
  if (norm->part == 1) {
    for (int64_t i = 0; i < n && norm->scale; i++) y[i] *= norm->scale[first + i];
    for (int64_t i = 0; i < n && norm->bias; i++) y[i] += norm->bias[first + i];
    return;
  }
  for (int64_t p = 0; p < norm->n_parts; p++, y += norm->part) {
    const float scale = at_or(norm->scale, first + p, 1.0f), bias = at_or(norm->bias, first + p, 0.0f);
    for (int64_t i = 0; i < norm->part; i++) y[i] = y[i] * scale + bias;
  }
}

/* dx = 1 / deviation * (g - mean(g) - x^ mean(g x^)), g = dy * scale, x^ = (x - mean) / deviation */
static void row_backward(const pare_norm *norm, const pare_norm_grad *grad, int64_t i_row) {
  const int64_t n = norm->n_parts * norm->part, first = i_row % norm->period * norm->n_parts;
  const float *x = grad->x + i_row * n, *dy = grad->dy + i_row * n;
  const float mean = grad->stats[2 * i_row], inverse = grad->stats[2 * i_row + 1];
  double sum_g = 0, sum_gx = 0;
  for (int64_t p = 0; p < norm->n_parts; p++) {
    float by_bias = 0, by_scale = 0;
    for (int64_t i = p * norm->part; i < (p + 1) * norm->part; i++) {
      by_bias += dy[i];
      by_scale += dy[i] * ((x[i] - mean) * inverse);
    }
    const float scale = at_or(norm->scale, first + p, 1.0f);
    if (grad->dscale) grad->dscale[first + p] += by_scale;
    if (grad->dbias) grad->dbias[first + p] += by_bias;
    sum_g += (double)(by_bias * scale);
    sum_gx += (double)(by_scale * scale);
  }
  if (!grad->dx) return;
  const float mean_g = (float)(sum_g / (double)n), mean_gx = (float)(sum_gx / (double)n);
  float *dx = grad->dx + i_row * n;
  for (int64_t p = 0; p < norm->n_parts; p++) {
    const float scale = at_or(norm->scale, first + p, 1.0f);
    for (int64_t i = p * norm->part; i < (p + 1) * norm->part; i++)
      dx[i] += inverse * ((dy[i] * scale - mean_g) - ((x[i] - mean) * inverse) * mean_gx);
  }
}

void pare_norm_backward(const pare_norm *norm, const pare_norm_grad *grad) {
  for (int64_t r = 0; r < norm->n_rows; r++) row_backward(norm, grad, r);
}
