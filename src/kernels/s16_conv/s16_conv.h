/* int8 convolution over s16_gemm and s16_depthwise: acc[n,o,y,x] = sum_k (W[o,k] - zero_w[o]) (X[n, channel(k), ...] - zero_x), padding counting
 * as zero_x (ONNX QLinearConv and ConvInteger, opset 10), in one and two dimensions, with groups.
 *
 * A group of an image is first widened to 16 bits with its padding around it; then the input of kernel place k for the output at (y,x) is at
 * offsets[k] + y stride0 row + x stride1, and runs of 8 outputs are packed into GEMM panels, a block that stays in the cache at a time. */
#ifndef PARE_S16_CONV_H
#define PARE_S16_CONV_H

#include "base/parallel.h"
#include "kernels/s16_gemm/s16_gemm.h"
#include "kernels/window.h"

typedef struct pare_s16_conv {
  pare_window window;
  int64_t n, c, o, groups; /* images, channels in, channels out */
  bool x_signed;
  pare_pool *pool;
  /* set by pare_s16_conv_plan */
  int64_t cg, og, k;  /* per group; k = cg * kernel */
  int64_t a_row;      /* 16-bit numbers of a row of packed weights: k made even */
  int64_t row, plane; /* widened image: numbers of a row and of a channel */
  int64_t columns;    /* out[0] * out[1] */
  int64_t block;      /* columns at a time, a multiple of 8 */
  bool depthwise;
  const int64_t *offsets;               /* [a_row] */
  size_t image_len, panel_len, acc_len; /* scratch of one thread, in numbers: 16, 16 and 32 bits */
} pare_s16_conv;

/* Takes the sums of channel `o` of image `i`, outputs [first, first + n). */
typedef void (*pare_s16_conv_store)(void *arg, int64_t i, int64_t o, int64_t first, int64_t n,
                                    const int32_t *acc);

/* Fills the lower half from the upper. OUT_OF_MEMORY, BAD_MODEL when sizes overflow, UNSUPPORTED when a sum could. */
pare_status pare_s16_conv_plan(pare_s16_conv *conv, pare_arena *arena);
pare_status pare_s16_conv_scratch(const pare_s16_conv *conv, pare_context *ctx, size_t *bytes);
/* x [n,c,in], w packed by pare_s16_pack_a: [o][a_row]. */
void pare_s16_conv_run(const pare_s16_conv *conv, const void *x, int32_t zero_x, const int16_t *w,
                       pare_s16_conv_store store, void *arg, void *scratch);

#endif
