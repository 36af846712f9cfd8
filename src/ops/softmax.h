/* What Softmax and LogSoftmax share: the input as [outer, n, inner] around the axis, the largest value of
 * each column taken off before the exponential, and coupling of every other axis. */
#ifndef PARE_SOFTMAX_H
#define PARE_SOFTMAX_H

#include "ops/extent.h"

pare_extent pare_softmax_extent_of(const pare_call *call);
pare_status pare_softmax_infer(pare_call *call);
/* Scratch for the sums of one [n, inner] block: `inner` floats, in two rows. */
pare_status pare_softmax_prepare(pare_call *call);
/* high[inner] = the largest x over n. */
void pare_softmax_high(const float *x, int64_t n, int64_t inner, float *high);
/* sum[inner] = the sum of x over n, in ascending order of n (in lanes when inner is 1). */
void pare_softmax_sum(const float *x, int64_t n, int64_t inner, float *sum);
pare_status pare_softmax_couple(const pare_call *call, pare_coupler *coupler);

#endif
