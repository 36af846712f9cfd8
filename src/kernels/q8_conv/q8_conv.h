/* int8 convolution of images that stand channels last, over q8_gemm, q8_depthwise, q8_winograd and q8_narrow:
 *   acc[n,y,x,o] = sum_k (W[o,k] - zero_w[o]) (X[n, place(k), channel(k)] - zero_x)
 * with padding counting as zero_x (ONNX QLinearConv and ConvInteger, opset 10), in one and two dimensions, with groups. Nothing is unfolded: the
 * channels of a row of the window are neighbours, so each window is `kernel[0]` runs. A strip of the image, a few rows of output, is first brought
 * into the kernel's format with its padding around it (or used where it lies), so that it stays in the cache while all channels are computed. */
#ifndef PARE_Q8_CONV_H
#define PARE_Q8_CONV_H

#include "base/parallel.h"
#include "kernels/q8_conv/q8_narrow.h"
#include "kernels/q8_conv/q8_winograd.h"
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/window.h"

typedef enum pare_q8_way { PARE_Q8_BEST, PARE_Q8_DIRECT, PARE_Q8_WINOGRAD, PARE_Q8_NARROW } pare_q8_way;

typedef struct pare_q8_conv {
  pare_window window;
  int64_t n, c, o, groups; /* images, channels in, channels out */
  bool x_signed, w_signed;
  bool plain_weights;           /* their zero point is 0 (128 for u8) */
  const uint8_t *known_weights; /* [o,cg,kernel] for the plan; NULL: they come later, and may change */
  pare_q8_way
      way; /* for tests and measurements: Winograd's wherever it is exact, q8_narrow wherever it suits */
  const pare_q8_gemm_kernel *wanted; /* for tests: taken where it suits */
  pare_pool *pool;
  /* set by pare_q8_conv_plan */
  int64_t cg, og;                            /* per group */
  int64_t columns;                           /* out[0] * out[1] */
  const pare_q8_depthwise_kernel *depthwise; /* or */
  const pare_q8_gemm_kernel *gemm, *packing; /* packing: how weights are packed in either case */
  bool by_winograd;                          /* neither, and of what follows only channels and bytes count */
  pare_q8_winograd winograd;
  bool narrow;                        /* by q8_narrow */
  bool direct;                        /* the image is read where it lies */
  int64_t row;                        /* elements of a row of a strip */
  int64_t strip_rows, n_strips;       /* output rows */
  int64_t strip_len;                  /* elements of input */
  int64_t n_runs, run_len;            /* n_taps and 1 when depthwise */
  const int32_t *rows, *runs, *steps; /* q8_gemm.h */
  const int64_t *from;                /* where packed weights come from */
  int64_t channels;                   /* of bias and scale, from group to group: og in whole panels */
  size_t strip_bytes, group_bytes;    /* scratch of one thread; packed weights of one group */
} pare_q8_conv;

#ifdef __wasm_relaxed_simd__ /* a page's bytes: q8_gemm is faster there */
#define PARE_Q8_HAS_WINOGRAD false
#define PARE_Q8_HAS_NARROW   false
#else
#define PARE_Q8_HAS_WINOGRAD true
#define PARE_Q8_HAS_NARROW   true
#endif

/* Fills the lower half from the upper. OUT_OF_MEMORY, BAD_MODEL when sizes overflow, UNSUPPORTED when a sum could. */
pare_status pare_q8_conv_plan(pare_q8_conv *conv, pare_arena *arena);
/* Bytes of scratch, and of packed weights. BAD_MODEL when sizes overflow. */
pare_status pare_q8_conv_sizes(const pare_q8_conv *conv, pare_context *ctx, size_t *scratch, size_t *packed);
/* w [o,cg,kernel]; zeros [o] or NULL: all are `zero`. `packed` is aligned to PARE_Q8_ALIGN. sums [groups,channels]. */
void pare_q8_conv_pack(const pare_q8_conv *conv, const void *w, const int32_t *zeros, int32_t zero,
                       void *packed, int32_t *sums);
/* out [groups,channels] = bias [o] (NULL: none) and, where the kernel's format asks for it, the part of x's zero point. */
void pare_q8_conv_bias(const pare_q8_conv *conv, const int32_t *bias, int32_t zero_x, const int32_t *sums,
                       int32_t *out);
/* x [n,in,c]; sink: bias and scale [groups,channels], y or sums [n,out,o]; its row is set here. */
void pare_q8_conv_run(const pare_q8_conv *conv, const void *x, int32_t zero_x, const void *packed,
                      const pare_q8_sink *sink, void *scratch);

#endif
