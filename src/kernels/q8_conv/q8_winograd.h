/* 3x3 convolution with a quarter of the multiplications, in integers and exact: Winograd's F(4x4,3x3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015),
 *   Y = A^T [sum_c (G g_c G^T) o (B^T d_c B)] A
 * for each tile d of 6x6 places, of which neighbours share two, with its 4x4 sums Y and weights g.
 *   images    a row of B^T has magnitudes of at most 10 in all: 8 bits less their zero point become at most 100 * 255, which fits 16 bits
 *   weights   G is of fractions, 24 G is whole; its last row is taken only 12 times, and what comes of it is doubled in A: with zero point 0
 *             weights become at most 144 * 128, which fits 16 bits
 *   sums      so 576 Y comes out, modulo 2^32. Times the inverse of 9 that is 64 Y, and shifted right by 6 it is Y where -2^25 <= Y < 2^25, which
 *             the weights tell beforehand; what comes before may overflow as it likes
 * A block of tiles is transformed, multiplied with eight channels' weights after each other and sent to the sink, all in the first cache. */
#ifndef PARE_Q8_WINOGRAD_H
#define PARE_Q8_WINOGRAD_H

#include "kernels/q8_gemm/q8_gemm.h"

#define PARE_WINOGRAD_TILE   4 /* sums of a tile, in each direction */
#define PARE_WINOGRAD_EDGE   6 /* places that they need */
#define PARE_WINOGRAD_POINTS 36
#define PARE_WINOGRAD_TILES  4 /* in registers, by */
#define PARE_WINOGRAD_PANEL  8 /* channels out */

struct pare_q8_conv;

/* Index 0: down, 1: across. */
typedef struct pare_q8_winograd {
  int64_t block[2], n_blocks[2]; /* tiles of a block; blocks of an image */
  int64_t n_tiles;               /* of a block, in whole register tiles */
  int64_t c_whole;               /* channels in, in whole pairs */
  int64_t point; /* elements of a point's images, and as many more as a vector may end behind them */
  int64_t row;   /* elements of a row of a block's places */
  size_t rows_at, images_at, sums_at; /* where a thread's scratch holds what; first a row of zero points */
} pare_q8_winograd;

/* For a convolution whose sizes and way of packing are known: its sums are these for any image, and sooner there than q8_gemm's. */
bool pare_q8_winograd_suits(const struct pare_q8_conv *conv);
void pare_q8_winograd_plan(struct pare_q8_conv *conv);
/* w [o,c,3,3] to [o / 8][36][c_whole / 2][8][2] */
void pare_q8_winograd_pack(const struct pare_q8_conv *conv, const uint8_t *w, int16_t *packed);
/* As pare_q8_conv_run. */
void pare_q8_winograd_run(const struct pare_q8_conv *conv, const uint8_t *x, int32_t zero_x,
                          const int16_t *packed, const pare_q8_sink *sink, uint8_t *scratch);

/* ---- the loops (q8_winograd_simd128.c) ------------------------------------------------------------------------------ */
/* B^T d. bytes: 6 rows of n neighbours, n >= 8; out [6][row]. */
void pare_q8_winograd_down(const uint8_t *const *bytes, bool is_signed, int32_t zero, int64_t n, int64_t row,
                           int16_t *out);
/* (B^T d) B of n tiles in a row of places with c channels. rows [6][w->row]; out [36][w->point] from a tile on, [w->n_tiles][w->c_whole]; what a
 * vector holds too much goes to the next tile, which comes later. */
void pare_q8_winograd_across(const pare_q8_winograd *w, const int16_t *rows, int64_t c, int64_t n,
                             int16_t *out);
/* sums [w->n_tiles][36][8] of images [36][w->point] and a panel of weights. */
void pare_q8_winograd_multiply(const pare_q8_winograd *w, const int16_t *images, const int16_t *weights,
                               int32_t *sums);

/* A block of sums: its tiles, the places that they cover, its first place, and how many places further its next row is. */
typedef struct pare_winograd_block {
  int64_t tiles[2], out[2], first, row;
} pare_winograd_block;

/* A^T sums A to channels [n, n + 8) of n_all. */
void pare_q8_winograd_finish(const pare_winograd_block *block, const int32_t *sums, const pare_q8_sink *sink,
                             int64_t n, int64_t n_all);

#endif
