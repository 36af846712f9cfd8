/* f32 convolution in any number of dimensions over f32_gemm, plainly: a block of output positions at a time, the
 * image unfolded (im2col) through a table of places that all channels and images share. What Conv does in three
 * dimensions and more, and ConvTranspose, its adjoint, in every one (kernels/f32_conv is faster in two). */
#ifndef PARE_CONV_ND_H
#define PARE_CONV_ND_H

#include "ops/window.h"

typedef struct pare_conv_nd {
  pare_window_nd w;            /* in: the image; out: the filtered image */
  int64_t n, c, o, groups;     /* images, channels of the image, channels of the filtered one */
  int64_t cg, og, kernel, k;   /* per group; places of the kernel; k = cg * kernel */
  int64_t in_plane, out_plane; /* elements */
  int64_t block;               /* output positions at a time */
} pare_conv_nd;

/* Fills the rest from w, n, c, o and groups, and sets call->scratch_bytes. UNSUPPORTED, BAD_MODEL. */
pare_status pare_conv_nd_plan(pare_call *call, pare_conv_nd *conv);
/* Where output positions [first, first + m) read, for each of the `kernel` places: elements of a plane, -1 in the
 * padding. places [kernel][m] */
void pare_conv_nd_places(const pare_window_nd *w, int64_t kernel, int64_t first, int64_t m, int32_t *places);
/* y[n,o,out] = (accumulate ? y : 0) + sum_k w[o,k] x[n,...] + bias[o] (or NULL), clamped by the node. */
void pare_conv_nd_forward(const pare_call *call, const pare_conv_nd *conv, const float *x, const float *w,
                          const float *bias, bool accumulate, float *y);
/* dx += */
void pare_conv_nd_grad_input(const pare_call *call, const pare_conv_nd *conv, const float *w, const float *dy,
                             float *dx);
/* dw += */
void pare_conv_nd_grad_weight(const pare_call *call, const pare_conv_nd *conv, const float *x,
                              const float *dy, float *dw);
/* db[channel] += the sum of `planes` images' elements */
void pare_conv_nd_grad_bias(const float *dy, int64_t n, int64_t channels, int64_t plane, float *db);

#endif
