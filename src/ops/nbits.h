/* Weights of com.microsoft MatMulNBits: a matrix [k,n] as n columns of blocks along k, each with a scale and perhaps a zero point.
 *   b       u8 [n, n_blocks, block * bits / 8]: element j of a block is bits j * bits ... of its bytes, low first
 *   scales  f32 [n * n_blocks]
 *   zeros   u8 [n * n_blocks], or with 4 bits [n * ceil(n_blocks / 2)], two to a byte, low first; NULL: 2^(bits - 1) */
#ifndef PARE_NBITS_H
#define PARE_NBITS_H

#include "graph/graph.h"

typedef struct pare_nbits {
  int64_t k, n, n_blocks, block;
  int bits; /* 4 or 8 */
  const uint8_t *b, *zeros;
  const float *scales;
} pare_nbits;

static inline int64_t pare_nbits_blob(const pare_nbits *w) {
  return w->block * w->bits / 8;
}
static inline int64_t pare_nbits_zero_row(const pare_nbits *w) {
  return (w->n_blocks * w->bits + 7) / 8;
}
static inline int pare_nbits_half(const uint8_t *bytes, int64_t i) {
  return (bytes[i / 2] >> (i % 2 ? 4 : 0)) & 15;
}
/* The stored integer of element [i_k, i_n], and its block's zero point. */
static inline int pare_nbits_at(const pare_nbits *w, int64_t i_k, int64_t i_n) {
  const uint8_t *blob = w->b + (i_n * w->n_blocks + i_k / w->block) * pare_nbits_blob(w);
  return w->bits == 4 ? pare_nbits_half(blob, i_k % w->block) : blob[i_k % w->block];
}
static inline int pare_nbits_zero(const pare_nbits *w, int64_t i_block, int64_t i_n) {
  if (!w->zeros) return 1 << (w->bits - 1);
  const uint8_t *row = w->zeros + i_n * pare_nbits_zero_row(w);
  return w->bits == 4 ? pare_nbits_half(row, i_block) : row[i_block];
}

/* From a node's attributes; false: they are missing, or no sizes that work. Sizes stay below 2^40. */
bool pare_nbits_read(const pare_node *node, pare_nbits *out);
uint64_t pare_nbits_nonzeros(const pare_nbits *w);

#endif
