/* f32 convolution over f32_gemm: Y[n,o,y,x] = clamp(sum_k W[o,k] X[n, channel(k), ...] + bias[o]), k =
 * (input channel of the group, kh, kw) ascending, zero padding (ONNX Conv, opset 11).
 *
 * A group of an image is first laid out with its padding and with its stride split off: input row y goes
 * to phase y % stride, row y / stride of that phase, columns likewise. Then the input of kernel place k
 * for output (y,x) is at offsets[k] + y * row + x, for any stride and dilation, so that
 *   forward        packs runs of 8 outputs into GEMM panels (implicit im2col), a block of them that stays in
 *                  the cache at a time;
 *   depthwise      adds shifted planes and packs nothing;
 *   weight grad.   is a GEMM whose A rows are the laid-out image at offsets[k]: nothing is unfolded;
 *   input grad.    is a GEMM and a sum of shifted rows (col2im). */
#ifndef PARE_F32_CONV_H
#define PARE_F32_CONV_H

#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/f32_spmm/f32_spmm.h"
#include "kernels/window.h"

typedef struct pare_f32_conv {
  pare_window window;
  int64_t n, c, o, groups; /* images, channels in, channels out */
  pare_numerics numerics;
  pare_pool *pool;
  /* set by pare_f32_conv_plan */
  int64_t cg, og, k;      /* per group; k = cg * kernel */
  int64_t row, plane;     /* laid-out image: floats of a row of a phase, and of a channel */
  int64_t n_columns;      /* out[0] * out[1] */
  int64_t block;          /* columns packed at a time, a multiple of 16 */
  int64_t block_rows;     /* output rows unfolded at a time by the input gradient */
  bool depthwise;         /* one input channel per group, more than one group */
  const int64_t *offsets; /* [k] */
  const struct pare_f32_conv_sparse *sparse; /* set by pare_f32_conv_use_sparse; NULL: dense */
} pare_f32_conv;

/* Fills the lower half from the upper; offsets come from the arena. OUT_OF_MEMORY, BAD_MODEL when sizes
 * overflow. */
pare_status pare_f32_conv_plan(pare_f32_conv *conv, pare_arena *arena);
/* Whether constant weights w [o,k] have so many zeros that the sparse form is faster. After planning. */
bool pare_f32_conv_wants_sparse(const pare_f32_conv *conv, const float *w);
/* After planning, before scratch is asked for: such weights are packed, and used from then on instead of the
 * forward call's. OUT_OF_MEMORY. */
pare_status pare_f32_conv_use_sparse(pare_f32_conv *conv, pare_arena *arena, const float *w);
/* Scratch memory: forward needs one part per thread. BAD_MODEL when sizes overflow. */
pare_status pare_f32_conv_scratch(const pare_f32_conv *conv, pare_context *ctx, bool training, size_t *bytes);
/* x [n,c,H,W], w [o,k], bias [o] or NULL, y [n,o,out]. */
void pare_f32_conv_forward(const pare_f32_conv *conv, const float *x, const float *w, const float *bias,
                           float clamp_low, float clamp_high, float *y, void *scratch);
/* dw[o,k] += sum over images and outputs of dy * x. The images' sums are added in ascending order. */
void pare_f32_conv_grad_weight(const pare_f32_conv *conv, const float *x, const float *dy, float *dw,
                               void *scratch);
/* dx += */
void pare_f32_conv_grad_input(const pare_f32_conv *conv, const float *w, const float *dy, float *dx,
                              void *scratch);
/* db[o] += */
void pare_f32_conv_grad_bias(const pare_f32_conv *conv, const float *dy, float *db);

#endif
