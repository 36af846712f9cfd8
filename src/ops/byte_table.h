/* Functions of one byte as tables of 256: what any element by element operator is on 8-bit data. */
#ifndef PARE_BYTE_TABLE_H
#define PARE_BYTE_TABLE_H

#include "ops/quantized.h"

/* y[n] = table[x]; x as u8. */
void pare_byte_table_apply(const uint8_t *table, const uint8_t *x, int64_t n, uint8_t *y);

/* f32 values in place of bytes; NULL: themselves. */
typedef void (*pare_byte_function)(const pare_call *call, const float *x, float *y, int64_t n);
/* table[byte] = QuantizeLinear(f(DequantizeLinear(byte))); scales at the inputs x_scale and y_scale of the node, zero points behind them. */
void pare_byte_table_make(const pare_call *call, int x_scale, int y_scale, bool is_signed,
                          pare_byte_function f, uint8_t table[256]);

#endif
