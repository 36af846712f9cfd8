/* What MaxPool and AveragePool share: shapes, and walking the part of each window that lies inside the
 * image. */
#ifndef PARE_POOL_H
#define PARE_POOL_H

#include "ops/op_util.h"
#include "ops/window.h"

/* The part of the window at output position p of dimension i: kernel places [first, end), input position
 * of place 0 `start`. */
typedef struct pare_pool_part {
  int64_t start, first, end;
} pare_pool_part;

static inline pare_pool_part pare_pool_part_at(const pare_window *w, int i, int64_t p) {
  pare_pool_part part;
  const int64_t d = w->dilation[i];
  part.start = p * w->stride[i] - w->pad_begin[i];
  part.first = part.start < 0 ? (-part.start + d - 1) / d : 0;
  part.end = part.start < w->in[i] ? (w->in[i] - part.start - 1) / d + 1 : 0;
  if (part.end > w->kernel[i]) part.end = w->kernel[i];
  if (part.first > part.end) part.first = part.end;
  return part;
}

pare_status pare_pool_infer(pare_call *call); /* out[0] only */
/* state: a pare_window */
pare_status pare_pool_prepare(pare_call *call);
/* Images and channels go with each other; the rest stays. */
pare_status pare_pool_couple(const pare_call *call, pare_coupler *coupler);

#endif
