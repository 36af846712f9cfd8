/* What the files of f32_conv share. */
#ifndef PARE_F32_CONV_INTERNAL_H
#define PARE_F32_CONV_INTERNAL_H

#include "kernels/f32_conv/f32_conv.h"

/* Floats that may be read past either end of a laid-out image (whole vectors are loaded). */
#define PARE_F32_CONV_SLACK 64

/* Short runs, for which a call of memcpy or memset costs more than the work. */
void pare_f32_conv_copy(float *to, const float *from, int64_t n);
/* Whether some kernel place reads what is at `phase` of a stride along axis i. */
bool pare_f32_conv_reads_phase(const pare_window *w, int i, int64_t phase);
/* A plane of rows of `row` floats of channel x: the first element is that at (y0, x0) of the image, the others are a
 * stride apart there; zeros outside. */
void pare_f32_conv_lay_plane(const pare_window *w, const float *x, int64_t y0, int64_t rows, int64_t x0,
                             int64_t row, float *to);
/* The layout of f32_conv.h for the `channels` channels at x, into `to` (channels * plane floats). */
void pare_f32_conv_lay_out(const pare_f32_conv *conv, const float *x, int64_t channels, float *to);
/* The other way: x += laid, padding left out. */
void pare_f32_conv_lay_back(const pare_f32_conv *conv, const float *laid, int64_t channels, float *x);
/* True when the image itself is laid out: no padding, no stride. */
bool pare_f32_conv_is_laid_out(const pare_f32_conv *conv);
void pare_f32_conv_depthwise(const pare_f32_conv *conv, int64_t i_image, int64_t i_channel, const float *x,
                             const float *w, const float *bias, float clamp_low, float clamp_high, float *y,
                             float *scratch);

/* The sparse form, through pointers: a build that never sets it links nothing of it. */
struct pare_f32_conv_sparse {
  /* One group of one image; pool and scratch as the GEMM form's. */
  void (*run)(const pare_f32_conv *conv, pare_pool *pool, int64_t i_image, int64_t g, const float *x,
              const float *bias, float clamp_low, float clamp_high, float *y, float *scratch);
  size_t floats; /* of scratch for one thread */
};

#endif
