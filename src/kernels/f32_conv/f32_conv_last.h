/* f32 convolution of channels-last images: Y[n,p,o] = clamp(sum_k W[o,k] X[n, place(p,k)] + bias[o] + add[n,p,o]), k =
 * (kh, kw, input channel of the group) ascending, zero padding. The input of an output is a few contiguous runs, so
 * that f32_gemm reads the image where it stands (1x1) or one padded copy of it: nothing is unfolded. Weights are
 * packed once in panels of output channels. With one channel per group in and out it is f32_depthwise. */
#ifndef PARE_F32_CONV_LAST_H
#define PARE_F32_CONV_LAST_H

#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/window.h"

typedef struct pare_f32_conv_last {
  pare_window window;
  int64_t n, c, o, groups; /* images, channels in, channels out */
  pare_numerics numerics;
  pare_pool *pool;
  /* set by pare_f32_conv_last_plan */
  int64_t cg, og, k;      /* per group; k = kernel * cg */
  int64_t row, plane;     /* floats of a row of what is read, and of an image of it */
  int64_t n_columns;      /* out[0] * out[1] */
  bool depthwise, copies; /* copies: padding is needed, or the group's channels are not neighbours */
  const int64_t *offsets; /* [n_columns]: where each output's window starts; NULL: they follow each other */
} pare_f32_conv_last;

/* Fills the lower half; offsets come from the arena. OUT_OF_MEMORY, BAD_MODEL when sizes overflow. */
pare_status pare_f32_conv_last_plan(pare_f32_conv_last *conv, pare_arena *arena);
size_t pare_f32_conv_last_scratch(const pare_f32_conv_last *conv); /* bytes */
/* w [o,cg,kH,kW] into `packed`, of pare_f32_conv_last_pack_len floats (0 when that overflows). */
size_t pare_f32_conv_last_pack_len(const pare_f32_conv_last *conv);
void pare_f32_conv_last_pack(const pare_f32_conv_last *conv, const float *w, float *packed);

typedef struct pare_f32_conv_last_args {
  const float *x;              /* [n,H,W,c] */
  const float *packed;         /* weights */
  const float *bias;           /* [o] or NULL */
  const float *add;            /* as y, or NULL */
  float clamp_low, clamp_high; /* -INFINITY, INFINITY: none */
  float *y;                    /* [n,out,o] */
  void *scratch;
} pare_f32_conv_last_args;

void pare_f32_conv_last_forward(const pare_f32_conv_last *conv, const pare_f32_conv_last_args *args);

#endif
