/* What surgery must know of Slice when channels leave (compress/prune/surgery.c). */
#ifndef PARE_SLICE_H
#define PARE_SLICE_H

#include "ops/op.h"

/* The place of `axis` among the axes that are cut, -1 when it is whole; *start: its first element, *step. */
int pare_slice_axis(const pare_call *call, int axis, int64_t *start, int64_t *step);

#endif
