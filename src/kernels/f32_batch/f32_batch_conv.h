/* Convolution and its gradients over images that stand side by side, X [C,H,W,N] (f32_batch.h): the sums of
 * f32_conv.h, forward with the very same bytes.
 *
 * Each place of the output is one product over the kernel places that fall inside the image. Places with the same
 * ones, relative to where they stand, form a class, and each class has its list: near the border there are a few,
 * and a stride makes the input's gradient have one set per phase. The weights' gradient is taken row by row of
 * the output, so many at a time that six channels of dY stay in the nearest cache. In fast numerics f32_winograd.h
 * takes the convolutions that suit it. */
#ifndef PARE_F32_BATCH_CONV_H
#define PARE_F32_BATCH_CONV_H

#include "base/parallel.h"
#include "kernels/f32_batch/f32_batch.h"
#include "kernels/window.h"

/* Along one axis: for each place of the result, its class, and what the class's relative positions count from. */
typedef struct pare_batch_axis {
  int64_t n_classes;
  int32_t *class_of; /* [places] */
  int64_t *base;     /* [places] */
  int32_t *first;    /* [n_classes + 1]: pairs of class i are [first[i], first[i + 1]) */
  int32_t *kernel;   /* [pairs]: place in the kernel, */
  int32_t *position; /* [pairs]: and the position there, counted from base */
} pare_batch_axis;

typedef struct pare_batch_taps {
  int64_t n;
  const int32_t *a_at, *b_at; /* [n] */
} pare_batch_taps;

/* One direction: output from input, or the input's gradient from the output's. */
typedef struct pare_batch_way {
  pare_batch_axis y, x;
  pare_batch_taps *taps; /* [y.n_classes][x.n_classes] */
} pare_batch_way;

/* What f32_winograd.h runs by, where it is faster. */
typedef struct pare_batch_winograd {
  const struct pare_f32_winograd_kernel *kernel; /* NULL: it is not used */
  int64_t images, wide;                          /* taken at a time; channels out of a thread */
  const int32_t *ascending, *images_apart, *channels_apart, *wide_apart; /* i times 1, images, c, wide */
} pare_batch_winograd;

typedef struct pare_f32_batch_conv {
  pare_window window;
  int64_t n, c, o, groups; /* images (a multiple of PARE_F32_BATCH_MULTIPLE), channels in, channels out */
  pare_numerics numerics;
  pare_pool *pool;
  /* set by pare_f32_batch_conv_plan */
  int64_t cg, og, k; /* per group; k = cg * kernel */
  pare_batch_way forward, backward;
  pare_batch_winograd winograd;
} pare_f32_batch_conv;

/* Fills the lower part from the upper; lists come from the arena. OUT_OF_MEMORY; UNSUPPORTED when an image
 * tensor has 2^31 elements or more. */
pare_status pare_f32_batch_conv_plan(pare_f32_batch_conv *conv, pare_arena *arena);
/* Scratch for the functions below. BAD_MODEL when it overflows. */
pare_status pare_f32_batch_conv_scratch(const pare_f32_batch_conv *conv, pare_context *ctx, size_t *bytes);
/* x [c,H,W,n], w [o,k], bias [o] or NULL, y [o,out,n]. */
void pare_f32_batch_conv_forward(const pare_f32_batch_conv *conv, const float *x, const float *w,
                                 const float *bias, float *y, void *scratch);
/* dx += where `accumulate`, else = */
void pare_f32_batch_conv_grad_input(const pare_f32_batch_conv *conv, const float *w, const float *dy,
                                    bool accumulate, float *dx, void *scratch);
/* dw[o,k] += */
void pare_f32_batch_conv_grad_weight(const pare_f32_batch_conv *conv, const float *x, const float *dy,
                                     float *dw, void *scratch);
/* db[o] += */
void pare_f32_batch_conv_grad_bias(const pare_f32_batch_conv *conv, const float *dy, float *db);

#endif
