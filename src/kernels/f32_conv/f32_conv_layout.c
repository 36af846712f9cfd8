/* Planning a convolution, and its padded, stride-split image layout (f32_conv.h). */
#include <string.h>

#include "kernels/f32_conv/f32_conv_internal.h"
#include "kernels/simd.h"

#define PACKED_FLOATS 32768 /* a packed block: 128 KiB, to stay in the second cache beside the weights */

static int64_t phase_length(const pare_window *w, int i, int64_t *out) {
  int64_t padded;
  if (__builtin_add_overflow(w->in[i], w->pad_begin[i], &padded)) return -1;
  if (__builtin_add_overflow(padded, w->pad_end[i], &padded)) return -1;
  /* the last window may reach further than the image when ceil rounding or SAME padding says so */
  const int64_t reach = (w->out[i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1;
  if (padded < reach) padded = reach;
  *out = (padded - 1) / w->stride[i] + 1;
  return *out;
}

pare_status pare_f32_conv_plan(pare_f32_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  int64_t rows, kernel, plane;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  const bool fits = phase_length(w, 0, &rows) > 0 && phase_length(w, 1, &conv->row) > 0 &&
                    !__builtin_mul_overflow(w->kernel[0], w->kernel[1], &kernel) &&
                    !__builtin_mul_overflow(kernel, conv->cg, &conv->k) &&
                    !__builtin_mul_overflow(rows, conv->row, &plane) &&
                    !__builtin_mul_overflow(plane, w->stride[0], &plane) &&
                    !__builtin_mul_overflow(plane, w->stride[1], &plane) &&
                    !__builtin_mul_overflow(w->out[0], w->out[1], &conv->n_columns) &&
                    plane < INT64_C(1) << 40;
  if (!fits) return pare_fail(arena->ctx, PARE_BAD_MODEL, "the padded image is too large");
  conv->plane = plane;
  conv->depthwise = conv->cg == 1 && conv->groups > 1;
  conv->block = PACKED_FLOATS / (conv->k > 0 ? conv->k : 1) / 16 * 16;
  if (conv->block < 16) conv->block = 16;
  const int64_t all = (conv->n_columns + 15) / 16 * 16;
  if (conv->block > all) conv->block = all;
  conv->block_rows = PACKED_FLOATS / (conv->k > 0 ? conv->k : 1) / w->out[1];
  if (conv->block_rows < 1) conv->block_rows = 1;
  if (conv->block_rows > w->out[0]) conv->block_rows = w->out[0];
  int64_t *offsets = pare_arena_array(arena, (size_t)conv->k, sizeof(int64_t));
  if (!offsets) return PARE_OUT_OF_MEMORY;
  conv->offsets = offsets;
  for (int64_t c = 0; c < conv->cg; c++) {
    for (int64_t i = 0; i < w->kernel[0]; i++) {
      for (int64_t j = 0; j < w->kernel[1]; j++) {
        const int64_t y = i * w->dilation[0], x = j * w->dilation[1];
        const int64_t phase = y % w->stride[0] * w->stride[1] + x % w->stride[1];
        *offsets++ = c * plane + phase * rows * conv->row + y / w->stride[0] * conv->row + x / w->stride[1];
      }
    }
  }
  return PARE_OK;
}

/* Elements [first, end) of `length` that lie inside the image, where element i is at start + i * stride. */
static void inside(const pare_window *w, int axis, int64_t start, int64_t length, int64_t *first,
                   int64_t *end) {
  const int64_t s = w->stride[axis];
  *first = start >= 0 ? 0 : (-start + s - 1) / s;
  *end = w->in[axis] > start ? (w->in[axis] - start - 1) / s + 1 : 0;
  if (*end > length) *end = length;
  if (*first > *end) *first = *end;
}

/* A phase that no kernel place reads need not be filled. */
bool pare_f32_conv_reads_phase(const pare_window *w, int i, int64_t phase) {
  const int64_t most = w->kernel[i] < w->stride[i] ? w->kernel[i] : w->stride[i];
  for (int64_t k = 0; k < most; k++)
    if (k * w->dilation[i] % w->stride[i] == phase) return true;
  return false;
}

/* The compiler is not to make a call of it. */
void pare_f32_conv_copy(float *to, const float *from, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    wasm_v128_store(to + i, wasm_v128_load(from + i));
    __asm__("" : "+r"(to));
  }
  for (; i < n; i++) {
    to[i] = from[i];
    __asm__("" : "+r"(to));
  }
}

static void zero(float *to, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    to[i] = 0.0f;
    __asm__("" : "+r"(to));
  }
}

static void lay_row(const pare_window *w, const float *x, int64_t start, int64_t first, int64_t end,
                    int64_t length, float *to) {
  zero(to, first);
  if (w->stride[1] == 1) {
    pare_f32_conv_copy(to + first, x + start + first, end - first);
  } else {
    for (int64_t i = first; i < end; i++) to[i] = x[start + i * w->stride[1]];
  }
  zero(to + end, length - end);
}

/* Rows as wide as the image's, moved by `start`: one copy, and then the columns that came from other rows are zeroed. */
static void lay_rows_at_once(const float *x, int64_t start, int64_t left, int64_t right, int64_t rows,
                             int64_t row, float *to) {
  const int64_t behind = start < 0 ? -start : 0, ahead = start > 0 ? start : 0,
                n = rows * row - behind - ahead;
  if (n > 0) memcpy(to + behind, x + ahead, (size_t)n * sizeof(float));
  for (int64_t y = 0; y < rows; y++, to += row) {
    zero(to, left);
    zero(to + right, row - right);
  }
}

void pare_f32_conv_lay_plane(const pare_window *w, const float *x, int64_t y0, int64_t rows, int64_t x0,
                             int64_t row, float *to) {
  int64_t first, end, left, right;
  inside(w, 0, y0, rows, &first, &end);
  inside(w, 1, x0, row, &left, &right);
  memset(to, 0, (size_t)(first * row) * sizeof(float));
  x += (y0 + first * w->stride[0]) * w->in[1];
  if (w->stride[0] == 1 && w->stride[1] == 1 && w->in[1] == row) {
    lay_rows_at_once(x, x0, left, right, end - first, row, to + first * row);
  } else {
    for (int64_t y = first; y < end; y++, x += w->stride[0] * w->in[1])
      lay_row(w, x, x0, left, right, row, to + y * row);
  }
  memset(to + end * row, 0, (size_t)((rows - end) * row) * sizeof(float));
}

void pare_f32_conv_lay_out(const pare_f32_conv *conv, const float *x, int64_t channels, float *to) {
  const pare_window *w = &conv->window;
  const int64_t rows = conv->plane / (conv->row * w->stride[0] * w->stride[1]);
  for (int64_t c = 0; c < channels; c++, x += w->in[0] * w->in[1]) {
    for (int64_t py = 0; py < w->stride[0]; py++) {
      for (int64_t px = 0; px < w->stride[1]; px++, to += rows * conv->row) {
        if (!pare_f32_conv_reads_phase(w, 0, py) || !pare_f32_conv_reads_phase(w, 1, px)) continue;
        pare_f32_conv_lay_plane(w, x, py - w->pad_begin[0], rows, px - w->pad_begin[1], conv->row, to);
      }
    }
  }
}

void pare_f32_conv_lay_back(const pare_f32_conv *conv, const float *laid, int64_t channels, float *x) {
  const pare_window *w = &conv->window;
  const int64_t rows = conv->plane / (conv->row * w->stride[0] * w->stride[1]);
  for (int64_t c = 0; c < channels; c++, x += w->in[0] * w->in[1]) {
    for (int64_t py = 0; py < w->stride[0]; py++) {
      int64_t first, end;
      inside(w, 0, py - w->pad_begin[0], rows, &first, &end);
      for (int64_t px = 0; px < w->stride[1]; px++, laid += rows * conv->row) {
        int64_t left, right;
        if (!pare_f32_conv_reads_phase(w, 0, py) || !pare_f32_conv_reads_phase(w, 1, px)) continue;
        inside(w, 1, px - w->pad_begin[1], conv->row, &left, &right);
        for (int64_t y = first; y < end; y++) {
          float *line = x + (y * w->stride[0] + py - w->pad_begin[0]) * w->in[1] + px - w->pad_begin[1];
          const float *from = laid + y * conv->row;
          for (int64_t i = left; i < right; i++) line[i * w->stride[1]] += from[i];
        }
      }
    }
  }
}

bool pare_f32_conv_is_laid_out(const pare_f32_conv *conv) {
  const pare_window *w = &conv->window;
  return w->stride[0] == 1 && w->stride[1] == 1 && conv->row == w->in[1] &&
         conv->plane == w->in[0] * w->in[1];
}
