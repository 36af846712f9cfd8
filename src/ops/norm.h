/* Normalisation of rows, which LayerNormalization, InstanceNormalization and GroupNormalization share:
 *   y = (x - mean) / sqrt(var + epsilon) * scale + bias, mean and population variance of the row.
 * A row of n_parts * part elements has one scale and one bias per part; those of row r start at (r % period) * n_parts. */
#ifndef PARE_NORM_H
#define PARE_NORM_H

#include "ops/op_util.h"

typedef struct pare_norm {
  int64_t n_rows, n_parts, part, period;
  float epsilon;
  const float *scale, *bias; /* [period * n_parts]; NULL: 1 and 0 */
} pare_norm;

/* stats[2]: mean and 1 / sqrt(var + epsilon). y may be x. */
void pare_norm_row(const pare_norm *norm, int64_t i_row, const float *x, float *y, float *stats);

typedef struct pare_norm_grad {
  const float *x, *dy, *stats; /* [n_rows, n_parts * part] twice, [n_rows, 2] */
  float *dx, *dscale, *dbias;  /* added to; NULL: not wanted */
} pare_norm_grad;
void pare_norm_backward(const pare_norm *norm, const pare_norm_grad *grad);

#endif
