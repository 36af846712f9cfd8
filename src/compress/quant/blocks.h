/* Weights in blocks: each block of a tensor along one axis gets a scale, and a zero point when it is not symmetric. */
#ifndef PARE_BLOCKS_H
#define PARE_BLOCKS_H

#include "tensor/tensor.h"

/* w as [before, n, after]; n_blocks of `size` (the last may be shorter) along the middle axis. */
typedef struct pare_blocks {
  int64_t before, n, after, n_blocks, size;
  int bits;
  bool symmetric; /* q in -(2^(bits-1) - 1) .. 2^(bits-1) - 1, else 0 .. 2^bits - 1 with a zero point */
  int16_t *q;     /* [before, n, after] */
  float *scales;  /* [before, n_blocks, after] */
  int16_t *zeros; /* the same; all 0 when symmetric */
} pare_blocks;

/* Blocks of an f32 tensor along `axis`; size 0: the whole axis. The arrays live in `arena`. OUT_OF_MEMORY. */
pare_status pare_blocks_make(pare_arena *arena, const pare_tensor *w, int axis, int64_t size, int bits,
                             bool symmetric, pare_blocks *out);
/* The same with one scale for each index of `axis`. */
pare_status pare_blocks_make_channels(pare_arena *arena, const pare_tensor *w, int axis, int bits,
                                      bool symmetric, pare_blocks *out);

#endif
