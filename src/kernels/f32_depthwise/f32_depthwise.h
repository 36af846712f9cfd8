/* f32 depthwise convolution of one channels-last image:
 *   Y[y,x,c] = clamp(sum over kernel places inside the image, ascending, of W[place,c] X[...,c]  + bias[c])
 * with one rounding per multiply and one per add: every variant gives the same bytes. */
#ifndef PARE_F32_DEPTHWISE_H
#define PARE_F32_DEPTHWISE_H

#include "base/parallel.h"
#include "kernels/window.h"

typedef struct pare_f32_depthwise_args {
  const pare_window *window;
  int64_t c;
  const float *x;              /* [H,W,c] */
  const float *w;              /* [kH*kW,c] */
  const float *bias;           /* [c] or NULL */
  float clamp_low, clamp_high; /* -INFINITY, INFINITY: none */
  float *y;                    /* [out,c], whole */
  int64_t first_row, n_rows;   /* output rows to compute */
} pare_f32_depthwise_args;

typedef void (*pare_f32_depthwise_fn)(const pare_f32_depthwise_args *args);

typedef struct pare_f32_depthwise_kernel {
  const char *name;
  pare_f32_depthwise_fn run;
  int rank; /* the largest wins; 0 is the plain reference */
} pare_f32_depthwise_kernel;

int pare_f32_depthwise_count(void); /* those that this processor runs */
const pare_f32_depthwise_kernel *pare_f32_depthwise_at(int i);
/* Splits rows over the pool; the same bytes for any number of threads. */
void pare_f32_depthwise(pare_pool *pool, const pare_f32_depthwise_args *args);

/* The kernel places [first, end) of axis i that lie inside the image for output `at`; `start` is the input
 * position of place 0. */
typedef struct pare_f32_depthwise_part {
  int64_t start, first, end;
} pare_f32_depthwise_part;
static inline pare_f32_depthwise_part pare_f32_depthwise_part_at(const pare_window *w, int i, int64_t at) {
  pare_f32_depthwise_part part = {at * w->stride[i] - w->pad_begin[i], 0, w->kernel[i]};
  while (part.first < part.end && part.start + part.first * w->dilation[i] < 0) part.first++;
  while (part.end > part.first && part.start + (part.end - 1) * w->dilation[i] >= w->in[i]) part.end--;
  return part;
}
/* One output row, channels [c_first, c): the plain form, also for the channels that fill no vector. */
void pare_f32_depthwise_row(const pare_f32_depthwise_args *args, int64_t i_row, int64_t c_first);

#endif
