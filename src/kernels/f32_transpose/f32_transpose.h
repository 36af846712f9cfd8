/* Transposes a matrix of f32 (or of other 32-bit elements): y[j * y_row + i] = x[i * x_row + j] for i < rows, j <
 * columns. */
#ifndef PARE_F32_TRANSPOSE_H
#define PARE_F32_TRANSPOSE_H

#include <stdint.h>

void pare_f32_transpose(const float *x, int64_t x_row, int64_t rows, int64_t columns, float *y,
                        int64_t y_row);
/* += */
void pare_f32_transpose_add(const float *x, int64_t x_row, int64_t rows, int64_t columns, float *y,
                            int64_t y_row);

#endif
