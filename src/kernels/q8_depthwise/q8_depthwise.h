/* Depthwise convolution of images that stand channels last:
 *   acc[m,c] = sum_t w[t,c] x[rows[m] + taps[t] + c]
 * in the formats WIDE, BYTES and BYTES_WIDE of q8_gemm.h, ending in its sink. All variants agree bit for bit. */
#ifndef PARE_Q8_DEPTHWISE_H
#define PARE_Q8_DEPTHWISE_H

#include "kernels/q8_gemm/q8_gemm.h"

typedef struct pare_q8_depthwise_args {
  int64_t m, c;
  int64_t width;       /* places of a row, which are equally far apart; m is whole rows */
  const void *x;       /* but in BYTES, one place behind the last may be read too */
  const int32_t *rows; /* [m] in elements */
  const int32_t *taps; /* [n_taps] in elements */
  int64_t n_taps;      /* filled up to whole steps of k with any place: there w is zero */
  const void *w;       /* as pare_q8_pack makes it: taps are k, channels are n */
  pare_q8_sink sink;
} pare_q8_depthwise_args;

typedef struct pare_q8_depthwise_kernel {
  const char *name;
  void (*run)(const pare_q8_depthwise_args *args);
  pare_q8_gemm_kernel packing; /* its format and panel, and the order within a panel */
  int rank;
} pare_q8_depthwise_kernel;

int pare_q8_depthwise_count(void); /* those that this processor runs */
const pare_q8_depthwise_kernel *pare_q8_depthwise_at(int i);
const pare_q8_depthwise_kernel *pare_q8_depthwise_select(bool plain_weights);

#endif
