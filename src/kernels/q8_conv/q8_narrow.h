/* Convolution of images of one channel to a few (a first layer), for Wasm SIMD: four neighbouring places are a vector, where q8_gemm would leave
 * lanes of channels empty and a quarter of k. A pair of k is two rows of a column of the window or, of an odd last row, two columns:
 *   pairs   [rows][row][2]: of every place, it and the one below; then [rows][row][2]: it and the one to the right
 * so that four places' pairs are one load. Sums end in q8_gemm's sink. */
#ifndef PARE_Q8_NARROW_H
#define PARE_Q8_NARROW_H

#include "kernels/q8_gemm/q8_gemm.h"

#define PARE_Q8_NARROW_CHANNELS 6 /* out, at most */

struct pare_q8_conv;

extern const pare_q8_gemm_kernel pare_q8_narrow_packing; /* for pare_q8_pack; it runs nothing */

/* One channel in, stride and dilation 1 along a row; `conv` has its sizes and window. */
bool pare_q8_narrow_suits(const struct pare_q8_conv *conv);
/* How many pairs of k a place has. */
int64_t pare_q8_narrow_steps(const struct pare_q8_conv *conv);
/* Where the pairs of a step begin, and which weights they meet: steps [n], from [n][2]. */
void pare_q8_narrow_plan(const struct pare_q8_conv *conv, int32_t *steps, int64_t *from);
/* Elements of a strip's pairs. */
int64_t pare_q8_narrow_pairs_len(const struct pare_q8_conv *conv);
/* strip [in_rows][conv->row], of which a few elements behind are read. */
void pare_q8_narrow_pair(const struct pare_q8_conv *conv, const int16_t *strip, int64_t in_rows,
                         int16_t *pairs);
/* Output rows [rows] of a strip. */
void pare_q8_narrow_run(const struct pare_q8_conv *conv, const int16_t *pairs, int64_t rows,
                        const int16_t *weights, const pare_q8_sink *sink);

#endif
