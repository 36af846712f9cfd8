/* 3x3 convolution of stride 1 in training with a quarter of the multiplications, for fast numerics: Winograd's
 * F(4x4,3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015) over images that stand side by
 * side (f32_batch.h). For each tile of 4x4 sums, and the 6x6 places d that they need:
 *   output          Y = A^T [sum_c (G g_c G^T) o (B^T d_c B)] A
 *   input gradient  the same of dY, with the weights turned by 180 degrees
 *   weights         dg = G^T [sum over tiles and images of (A dY A^T) o (B^T d B)] G, the gradient of the above
 * What stands in brackets are 36 products of matrices, one for each point of a transformed tile: f32_batch.h's. Sums
 * are rounded otherwise than those of f32_batch_conv.h, and a few times as much. */
#ifndef PARE_F32_WINOGRAD_H
#define PARE_F32_WINOGRAD_H

#include "kernels/f32_batch/f32_batch_conv.h"

/* Modules for browsers do without: their variants would cost a visitor more than they save. */
#ifdef __wasm__
#define PARE_F32_WINOGRAD_HERE 0
#else
#define PARE_F32_WINOGRAD_HERE 1
#endif

#define PARE_F32_WINOGRAD_TILE   4 /* sums of a tile, in each direction */
#define PARE_F32_WINOGRAD_EDGE   6 /* places that they need */
#define PARE_F32_WINOGRAD_POINTS 36

/* One tile of every row: rows of n floats, a multiple of 16, for each of its places, and for each of 36 points. */
typedef struct pare_f32_winograd_tile {
  int64_t rows, n;
  const int64_t *at; /* place k of row r lies at [r * image_row + at[k]]; at[k] < 0: outside, 0 */
  int64_t image_row;
  int64_t point, point_row; /* point i of row r lies at [i * point + r * point_row] */
  const float *from;
  float *to;
  bool accumulate;       /* places only */
  const float *row_bias; /* places only; [rows] or NULL */
} pare_f32_winograd_tile;

typedef struct pare_f32_winograd_kernel {
  const char *name;
  void (*points)(const pare_f32_winograd_tile *tile); /* B^T d B: 6x6 places to points */
  void (*places)(const pare_f32_winograd_tile *tile); /* A^T m A: points to 4x4 places */
  void (*spread)(const pare_f32_winograd_tile *tile); /* A d A^T: 4x4 places to points */
  int rank;                                           /* the largest wins; 0 is the plain reference */
} pare_f32_winograd_kernel;

int pare_f32_winograd_count(void); /* those that this processor runs */
const pare_f32_winograd_kernel *pare_f32_winograd_at(int i);
/* NULL: the convolution is no such one, or would not gain. */
const pare_f32_winograd_kernel *pare_f32_winograd_select(const pare_f32_batch_conv *conv);

/* For pare_f32_batch_conv_plan, once conv->winograd is set. OUT_OF_MEMORY. */
pare_status pare_f32_winograd_plan(pare_f32_batch_conv *conv, pare_arena *arena);
/* Bytes of scratch. */
size_t pare_f32_winograd_scratch(const pare_f32_batch_conv *conv);
/* As the functions of f32_batch_conv.h. */
void pare_f32_winograd_forward(const pare_f32_batch_conv *conv, const float *x, const float *w,
                               const float *bias, float *y, float *scratch);
void pare_f32_winograd_grad_input(const pare_f32_batch_conv *conv, const float *w, const float *dy,
                                  bool accumulate, float *dx, float *scratch);
void pare_f32_winograd_grad_weight(const pare_f32_batch_conv *conv, const float *x, const float *dy,
                                   float *dw, float *scratch);

/* ---- weights (f32_winograd_weights.c) ----------------------------------------------------------------------- */
/* points [36][o][c] = G g G^T of w [o,c,3,3], `turned` by 180 degrees or as they are. */
void pare_f32_winograd_weights(const float *w, int64_t o, int64_t c, bool turned, float *points);
/* dw [o,c,3,3] += G^T m G of points m, [c][o] at [i * point + c * row + o]. */
void pare_f32_winograd_fold(const float *points, int64_t point, int64_t row, int64_t o, int64_t c, float *dw);

#endif
