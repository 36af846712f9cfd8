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

static inline pare_pool_part pare_pool_part_of(int64_t kernel, int64_t stride, int64_t dilation,
                                               int64_t pad_begin, int64_t in, int64_t p) {
  pare_pool_part part;
  part.start = p * stride - pad_begin;
  if (part.start >= 0 && part.start + (kernel - 1) * dilation < in) { /* whole, as most are: no divisions */
    part.first = 0;
    part.end = kernel;
    return part;
  }
  part.first = part.start < 0 ? (-part.start + dilation - 1) / dilation : 0;
  part.end = part.start < in ? (in - part.start - 1) / dilation + 1 : 0;
  if (part.end > kernel) part.end = kernel;
  if (part.first > part.end) part.first = part.end;
  return part;
}

static inline pare_pool_part pare_pool_part_at(const pare_window *w, int i, int64_t p) {
  return pare_pool_part_of(w->kernel[i], w->stride[i], w->dilation[i], w->pad_begin[i], w->in[i], p);
}

/* Kernel places from `start` on that lie before `end`, the end of the padding. */
static inline int64_t pare_pool_padded(int64_t kernel, int64_t dilation, int64_t start, int64_t end) {
  const int64_t places = (end - start + dilation - 1) / dilation;
  return places < kernel ? places : kernel;
}

pare_status pare_pool_infer(pare_call *call);       /* f32; out[0] only */
pare_status pare_pool_infer_shape(pare_call *call); /* the same for any type */
/* [N,C,1,...]: the shape that a pool over the whole image gives; the input's type was checked. */
pare_status pare_pool_infer_global(pare_call *call);
/* state: a pare_window */
pare_status pare_pool_prepare(pare_call *call);
/* Elements that a mean is over: those inside the image or, with `include_pad`, inside the padded image. */
float pare_pool_divisor(const pare_window *w, bool include_pad, pare_pool_part rows, pare_pool_part columns);
/* Images and channels go with each other; the rest stays. */
pare_status pare_pool_couple(const pare_call *call, pare_coupler *coupler);

#endif
