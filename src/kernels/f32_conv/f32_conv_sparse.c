/* Convolution with sparse weights (f32_spmm.h): nothing is packed. Some rows of the output at a time, their input is
 * laid out once for each column of the kernel, shifted by it and as wide as the output, with a stride's phases of
 * rows apart: then the input of kernel place k for all these outputs is one run. Rows may be made longer, so that they
 * begin on whole vectors; what is computed there is thrown away. Each output adds its places in ascending order: the
 * bytes of the GEMM form, for finite inputs. */
#include "kernels/f32_conv/f32_conv_internal.h"

#define LAID_FLOATS 65536 /* at a time: 256 KiB, to stay in the second cache */

typedef struct form {
  struct pare_f32_conv_sparse sparse; /* first */
  pare_f32_sparse weights;
  int64_t columns; /* of the widest tile */
  int64_t pitch;   /* floats from one row of the output to the next */
  int64_t rows;    /* of the output at a time */
  int64_t plane;   /* floats from one copy of a channel's rows to the next */
  size_t laid;     /* floats of all copies; sums come behind them */
} form;

/* A length of rows, and what a row costs with it: a third of the time of a load of four bytes that lies in one line. */
typedef struct pitch {
  int64_t floats, cost;
} pitch;

/* With vectors of 16 floats rows of half as many are aligned mostly, others seldom; loads of 16 bytes mind little. */
static pitch choose_pitch(int64_t width, int64_t lanes) {
  const int64_t by16 = (width + 15) / 16 * 16, by8 = (width + 7) / 8 * 8;
  pitch best = {width, lanes > 8 ? width * 5 : lanes > 4 ? width * 4 : width * 3};
  if (lanes > 4 && by8 * (lanes > 8 ? 4 : 3) < best.cost) best = (pitch){by8, by8 * (lanes > 8 ? 4 : 3)};
  if (lanes > 8 && by16 * 3 <= best.cost) best = (pitch){by16, by16 * 3};
  return best;
}

/* Rows of input more than of output, at each phase. */
static int64_t rows_more(const pare_window *w) {
  return (w->kernel[0] - 1) * w->dilation[0] / w->stride[0];
}

/* Copies of a channel. */
static int64_t copies(const pare_window *w) {
  return w->kernel[1] * w->stride[0];
}

/* Floats of copies and sums; `rows` of the output, `pitch` long. */
static bool count_floats(const pare_f32_conv *conv, int64_t rows, int64_t pitch, form *f) {
  const pare_window *w = &conv->window;
  size_t sums;
  f->rows = rows;
  f->pitch = pitch;
  f->plane = pare_f32_spmm_pitch((rows + rows_more(w)) * pitch);
  return pare_mul_size((size_t)conv->og, (size_t)f->plane, &sums) &&
         pare_mul_size((size_t)f->plane, (size_t)conv->cg, &f->laid) &&
         pare_mul_size(f->laid, (size_t)copies(w), &f->laid) && pare_add_size(f->laid, sums, &sums) &&
         pare_add_size(sums, PARE_F32_SPMM_LINE, &f->sparse.floats);
}

/* The same in every build, whatever vectors it has: the order of sums of a dense convolution is another. */
bool pare_f32_conv_wants_sparse(const pare_f32_conv *conv, const float *w) {
  const int64_t height = conv->window.out[0], width = conv->window.out[1];
  const int64_t computed = height * choose_pitch(width, 16).cost / 3;
  int64_t n_nonzeros = 0;
  form most; /* places are 32 bits */
  for (int64_t i = 0; i < conv->o * conv->k; i++) n_nonzeros += w[i] != 0.0f;
  return !conv->depthwise && pare_f32_spmm_wins(n_nonzeros, conv->o, conv->k, conv->n_columns, computed) &&
         count_floats(conv, height, width + 15, &most) && most.sparse.floats <= INT32_MAX / sizeof(float);
}

static void choose_form(const pare_f32_conv *conv, form *f) {
  const pare_window *w = &conv->window;
  f->columns = pare_f32_spmm_select(conv->numerics)->columns;
  const int64_t pitch = choose_pitch(w->out[1], f->columns / PARE_F32_SPMM_VECTORS).floats,
                least = (f->columns - 1) / pitch + 1;
  int64_t rows = LAID_FLOATS / copies(w) / conv->cg / pitch - rows_more(w);
  if (rows < least) rows = least;
  const int64_t n_parts = (w->out[0] - 1) / rows + 1;
  count_floats(conv, (w->out[0] - 1) / n_parts + 1, pitch, f);
}

/* Where the input of each kernel place begins: places [k]. */
static void find_places(const pare_f32_conv *conv, const form *f, int64_t *places) {
  const pare_window *w = &conv->window;
  for (int64_t c = 0; c < conv->cg; c++) {
    for (int64_t i = 0; i < w->kernel[0]; i++) {
      const int64_t y = i * w->dilation[0], phase = y % w->stride[0], row = y / w->stride[0];
      for (int64_t j = 0; j < w->kernel[1]; j++)
        *places++ = (c * copies(w) + phase * w->kernel[1] + j) * f->plane + row * f->pitch;
    }
  }
}

/* Kernel places of a block: whole channels. */
static int64_t choose_block(const pare_f32_conv *conv, const form *f) {
  const pare_window *w = &conv->window;
  const int64_t more = copies(w) * rows_more(w) * f->pitch;
  return pare_f32_spmm_block(f->columns, f->rows * f->pitch, copies(w), more) * w->kernel[0] * w->kernel[1];
}

/* The input of the output's rows from `first` on. */
static void lay_out(const pare_f32_conv *conv, const form *f, const float *x, int64_t first, float *to) {
  const pare_window *w = &conv->window;
  const int64_t rows = f->rows + rows_more(w), y = first * w->stride[0] - w->pad_begin[0];
  for (int64_t c = 0; c < conv->cg; c++, x += w->in[0] * w->in[1]) {
    for (int64_t phase = 0; phase < w->stride[0]; phase++) {
      for (int64_t j = 0; j < w->kernel[1]; j++, to += f->plane) {
        if (!pare_f32_conv_reads_phase(w, 0, phase)) continue;
        pare_f32_conv_lay_plane(w, x, y + phase, rows, j * w->dilation[1] - w->pad_begin[1], f->pitch, to);
      }
    }
  }
}

/* sums [o][rows] of `pitch` floats to y [o][n_columns], what is between the rows left out. */
static void take_out(const pare_f32_conv *conv, const form *f, const float *sums, int64_t rows, float *y) {
  for (int64_t o = 0; o < conv->og; o++) {
    for (int64_t row = 0; row < rows; row++)
      pare_f32_conv_copy(y + o * conv->n_columns + row * conv->window.out[1],
                         sums + o * f->plane + row * f->pitch, conv->window.out[1]);
  }
}

static void run(const pare_f32_conv *conv, pare_pool *pool, int64_t i_image, int64_t g, const float *x,
                const float *bias, float clamp_low, float clamp_high, float *y, float *scratch) {
  const form *f = (const form *)conv->sparse;
  const int64_t height = conv->window.out[0], width = conv->window.out[1];
  const bool direct = f->pitch == width;
  float *laid = pare_f32_spmm_line(scratch), *sums = laid + f->laid;
  pare_f32_spmm_args args = {.a = &f->weights,
                             .m_first = g * conv->og,
                             .m = conv->og,
                             .x = laid,
                             .c_row = direct ? conv->n_columns : f->plane,
                             .row_bias = bias ? bias + g * conv->og : NULL,
                             .clamp_low = clamp_low,
                             .clamp_high = clamp_high};
  y += (i_image * conv->o + g * conv->og) * conv->n_columns;
  for (int64_t first = 0; first < height; first += f->rows) {
    const int64_t rows = height - first < f->rows ? height - first : f->rows;
    lay_out(conv, f, x, first, laid);
    args.n = rows * f->pitch;
    args.c = direct ? y + first * width : sums;
    pare_f32_spmm(pool, conv->numerics, &args);
    if (!direct) take_out(conv, f, sums, rows, y + first * width);
  }
}

pare_status pare_f32_conv_use_sparse(pare_f32_conv *conv, pare_arena *arena, const float *w) {
  if (!pare_f32_conv_wants_sparse(conv, w)) return PARE_OK;
  form *f = pare_arena_alloc(arena, sizeof *f);
  int64_t *places = pare_alloc_array(arena->ctx, (size_t)conv->k, sizeof *places);
  if (!f || !places) {
    pare_free(arena->ctx, places);
    return PARE_OUT_OF_MEMORY;
  }
  choose_form(conv, f);
  find_places(conv, f, places);
  const pare_f32_sparse_source source = {.a = w,
                                         .a_row = conv->k,
                                         .a_column = 1,
                                         .m = conv->o,
                                         .k = conv->k,
                                         .places = places,
                                         .block = choose_block(conv, f)};
  const pare_status status = pare_f32_sparse_pack(arena, &source, &f->weights);
  pare_free(arena->ctx, places);
  f->sparse.run = run;
  if (status == PARE_OK) conv->sparse = &f->sparse;
  return status;
}
