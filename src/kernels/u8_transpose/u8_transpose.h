/* Transposes a matrix of bytes: y[j * rows + i] = x[i * columns + j]. Images of three channels, which every photograph is, go last in one walk. */
#ifndef PARE_U8_TRANSPOSE_H
#define PARE_U8_TRANSPOSE_H

#include <stdint.h>

void pare_u8_transpose(const uint8_t *x, int64_t rows, int64_t columns, uint8_t *y);

#endif
