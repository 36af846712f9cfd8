/* Convolution with sparse weights (f32_spmm.h): nothing is packed. The laid-out image is taken as one long row, so
 * that the input of kernel place k for a run of outputs is a run too, at offsets[k]; what is computed between
 * the rows of the image is thrown away. Each output adds its places in ascending order: the bytes of the GEMM
 * form, for finite inputs. */
#include <string.h>

#include "kernels/f32_conv/f32_conv_internal.h"

/* Columns computed: up to the last output, whole vectors of every variant. */
static int64_t long_row(const pare_f32_conv *conv) {
  const int64_t n = (conv->window.out[0] - 1) * conv->row + conv->window.out[1];
  return (n + 15) / 16 * 16;
}

/* A 1x1 convolution without stride reads and writes images as they are. */
static bool is_direct(const pare_f32_conv *conv) {
  return pare_f32_conv_is_laid_out(conv) && conv->row == conv->window.out[1] &&
         conv->plane == conv->n_columns;
}

bool pare_f32_conv_sparse_floats(const pare_f32_conv *conv, size_t *floats) {
  return pare_mul_size((size_t)conv->og, (size_t)long_row(conv), floats);
}

bool pare_f32_conv_wants_sparse(const pare_f32_conv *conv, const float *w) {
  int64_t n_nonzeros = 0;
  for (int64_t i = 0; i < conv->o * conv->k; i++) n_nonzeros += w[i] != 0.0f;
  const int64_t n_computed = is_direct(conv) ? conv->n_columns : long_row(conv);
  return !conv->depthwise && pare_f32_spmm_wins(n_nonzeros, conv->o, conv->k, conv->n_columns, n_computed) &&
         conv->plane * conv->cg <= INT32_MAX / 2; /* places are 32 bits */
}

pare_status pare_f32_conv_use_sparse(pare_f32_conv *conv, pare_arena *arena, const float *w) {
  if (!pare_f32_conv_wants_sparse(conv, w)) return PARE_OK;
  pare_f32_sparse *sparse = pare_arena_alloc(arena, sizeof *sparse);
  if (!sparse) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_f32_sparse_pack(arena, w, conv->k, 1, conv->o, conv->k, conv->offsets, 0, sparse));
  conv->sparse = sparse;
  return PARE_OK;
}

void pare_f32_conv_sparse(const pare_f32_conv *conv, pare_pool *pool, int64_t i_image, int64_t g,
                          const float *x, const float *bias, float clamp_low, float clamp_high, float *y,
                          float *scratch) {
  const int64_t width = conv->window.out[1];
  const bool direct = is_direct(conv);
  float *to = y + (i_image * conv->o + g * conv->og) * conv->n_columns;
  float *sums = scratch + conv->plane * conv->cg + PARE_F32_CONV_SLACK;
  if (!direct) {
    pare_f32_conv_lay_out(conv, x, conv->cg, scratch);
    memset(scratch + conv->plane * conv->cg, 0, PARE_F32_CONV_SLACK * sizeof(float)); /* read, not used */
  }
  const pare_f32_spmm_args args = {.a = conv->sparse,
                                   .m_first = g * conv->og,
                                   .m = conv->og,
                                   .n = direct ? conv->n_columns : long_row(conv),
                                   .x = direct ? x : scratch,
                                   .c = direct ? to : sums,
                                   .c_row = direct ? conv->n_columns : long_row(conv),
                                   .row_bias = bias ? bias + g * conv->og : NULL,
                                   .clamp_low = clamp_low,
                                   .clamp_high = clamp_high};
  pare_f32_spmm(pool, conv->numerics, &args);
  for (int64_t o = 0; !direct && o < conv->og; o++) {
    for (int64_t row = 0; row < conv->window.out[0]; row++, to += width) {
      memcpy(to, sums + o * args.c_row + row * conv->row, (size_t)width * sizeof(float));
    }
  }
}
