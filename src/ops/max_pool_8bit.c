/* MaxPool on u8 and s8: what the session runs between two integer layers (ONNX MaxPool, opset 12, allows both). Padding counts as nothing; a window
 * of padding alone gives the least value. */
#include "ops/max_pool_8bit.h"
#include "base/parallel.h"
#include "kernels/simd.h"

typedef struct pool_8bit {
  const pare_window *w;
  const uint8_t *x;
  uint8_t *y;
  uint8_t flip;        /* 0x80 for s8: makes it compare as u8 */
  int64_t n, channels; /* of images that stand channels last */
} pool_8bit;

/* Two rows, two by two, stride 2: 8 outputs at once. */
static void run_2x2(const pool_8bit *p, const uint8_t *top, const uint8_t *bottom, int64_t n, uint8_t *y) {
  const v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  int64_t q = 0;
  for (; q + 8 <= n; q += 8) {
    const v128_t a = wasm_v128_xor(wasm_v128_load(top + 2 * q), flip);
    const v128_t b = wasm_v128_xor(wasm_v128_load(bottom + 2 * q), flip);
    const v128_t high = wasm_u8x16_max(a, b);
    const v128_t even = wasm_v128_and(high, wasm_i16x8_splat(0xff)), odd = wasm_u16x8_shr(high, 8);
    const v128_t most = wasm_v128_xor(wasm_u8x16_narrow_i16x8(wasm_u16x8_max(even, odd), even), flip);
    wasm_v128_store64_lane(y + q, most, 0);
  }
  for (; q < n; q++) {
    const uint8_t a = top[2 * q] ^ p->flip, b = top[2 * q + 1] ^ p->flip;
    const uint8_t c = bottom[2 * q] ^ p->flip, d = bottom[2 * q + 1] ^ p->flip;
    const uint8_t high = a > b ? a : b, low = c > d ? c : d;
    y[q] = (high > low ? high : low) ^ p->flip;
  }
}

/* All windows are whole, and beside each other. */
static bool is_2x2(const pare_window *w) {
  return w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[1] == 2 && w->dilation[0] == 1 &&
         w->dilation[1] == 1 && w->pad_begin[0] == 0 && w->pad_begin[1] == 0 &&
         (w->out[0] - 1) * w->stride[0] + 2 <= w->in[0] && 2 * w->out[1] <= w->in[1];
}

static void run_window_row(const pool_8bit *p, const uint8_t *x, int64_t i_row, uint8_t *y) {
  const pare_window *w = p->w;
  const pare_pool_part rows = pare_pool_part_at(w, 0, i_row);
  for (int64_t q = 0; q < w->out[1]; q++) {
    const pare_pool_part columns = pare_pool_part_at(w, 1, q);
    uint8_t most = 0;
    for (int64_t i = rows.first; i < rows.end; i++) {
      const uint8_t *row = x + (rows.start + i * w->dilation[0]) * w->in[1] + columns.start;
      for (int64_t j = columns.first; j < columns.end; j++) {
        const uint8_t value = row[j * w->dilation[1]] ^ p->flip;
        most = value > most ? value : most;
      }
    }
    y[q] = most ^ p->flip;
  }
}

static void run_plane(void *arg, int64_t i, int i_thread) {
  const pool_8bit *p = arg;
  const pare_window *w = p->w;
  const uint8_t *x = p->x + i * w->in[0] * w->in[1];
  uint8_t *y = p->y + i * w->out[0] * w->out[1];
  (void)i_thread;
  const bool plain = is_2x2(w);
  for (int64_t r = 0; r < w->out[0]; r++, y += w->out[1]) {
    const uint8_t *top = x + r * w->stride[0] * w->in[1];
    if (plain)
      run_2x2(p, top, top + w->in[1], w->out[1], y);
    else
      run_window_row(p, x, r, y);
  }
}

/* A window's places in an image that stands channels last. */
typedef struct places {
  pare_pool_part rows, columns;
  int64_t first, row_step, step; /* elements: of the first place; from row to row, from column to column */
  bool two_by_two;
} places;

/* The largest of 16 channels from `x` on, the first channel of the window's first place. */
PARE_INLINE v128_t most16(const places *at, const uint8_t *x, v128_t flip) {
  v128_t most = wasm_i8x16_splat(0);
  if (at->two_by_two) {
    const uint8_t *below = x + at->row_step;
    const v128_t a = wasm_v128_load(x), b = wasm_v128_load(x + at->step), c = wasm_v128_load(below),
                 d = wasm_v128_load(below + at->step);
    const v128_t high = wasm_u8x16_max(wasm_v128_xor(a, flip), wasm_v128_xor(b, flip));
    const v128_t low = wasm_u8x16_max(wasm_v128_xor(c, flip), wasm_v128_xor(d, flip));
    return wasm_v128_xor(wasm_u8x16_max(high, low), flip);
  }
  for (int64_t k = at->rows.first; k < at->rows.end; k++, x += at->row_step) {
    const uint8_t *place = x;
    for (int64_t j = at->columns.first; j < at->columns.end; j++, place += at->step)
      most = wasm_u8x16_max(most, wasm_v128_xor(wasm_v128_load(place), flip));
  }
  return wasm_v128_xor(most, flip);
}

/* Fewer than 16 channels, byte by byte. */
static void most_few(const pool_8bit *p, const places *at, const uint8_t *x, uint8_t *y) {
  for (int64_t c = 0; c < p->channels; c++) {
    uint8_t most = 0;
    for (int64_t k = 0; k < at->rows.end - at->rows.first; k++) {
      for (int64_t j = 0; j < at->columns.end - at->columns.first; j++) {
        const uint8_t value = x[k * at->row_step + j * at->step + c] ^ p->flip;
        most = value > most ? value : most;
      }
    }
    y[c] = most ^ p->flip;
  }
}

/* Two by two places of at most eight channels: a window's row is within one vector. Gives how many windows are done: not the last ones, since more
 * than a window has is read and stored. */
static int64_t few_2x2(const pool_8bit *p, const uint8_t *top, uint8_t *y) {
  const int64_t c = p->channels, row = p->w->in[1] * c, past = p->w->out[1] * c;
  const v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  const v128_t right = wasm_i8x16_add(wasm_i8x16_const(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                      wasm_i8x16_splat((int8_t)c));
  int64_t at = 0;
  for (; 2 * at + 16 <= row && at + 8 <= past; at += c, top += 2 * c) {
    v128_t most = wasm_u8x16_max(wasm_v128_xor(wasm_v128_load(top), flip),
                                 wasm_v128_xor(wasm_v128_load(top + row), flip));
    most = wasm_u8x16_max(most, wasm_i8x16_swizzle(most, right));
    wasm_v128_store64_lane(y + at, wasm_v128_xor(most, flip), 0);
  }
  return at / c;
}

/* Channels last: output row `i` of all images. Of fewer than 16 channels, 16 bytes are read where there are as many. */
static void run_last_row(void *arg, int64_t i, int i_thread) {
  const pool_8bit *p = arg;
  const pare_window *w = p->w;
  const int64_t c = p->channels, row = w->in[1] * c, images_left = p->n - i / w->out[0];
  const uint8_t *x = p->x + i / w->out[0] * w->in[0] * row;
  uint8_t *y = p->y + i * w->out[1] * c;
  const v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  places at = {.rows = pare_pool_part_at(w, 0, i % w->out[0]),
               .row_step = w->dilation[0] * row,
               .step = w->dilation[1] * c};
  const int64_t first_row = (at.rows.start + at.rows.first * w->dilation[0]) * row;
  (void)i_thread;
  int64_t q = 0;
  if (c <= 8 && is_2x2(w)) {
    q = few_2x2(p, x + first_row, y);
    y += q * c;
  }
  for (; q < w->out[1]; q++, y += c) {
    at.columns = pare_pool_part_at(w, 1, q);
    at.two_by_two = at.rows.end - at.rows.first == 2 && at.columns.end - at.columns.first == 2;
    at.first = first_row + (at.columns.start + at.columns.first * w->dilation[1]) * c;
    if (c >= 16) {
      for (int64_t k = 0; k < c; k += 16) {
        if (k > c - 16) k = c - 16; /* the last 16, some of them again */
        wasm_v128_store(y + k, most16(&at, x + at.first + k, flip));
      }
      continue;
    }
    const int64_t last = at.first + (at.rows.end - at.rows.first - 1) * at.row_step +
                         (at.columns.end - at.columns.first - 1) * at.step;
    if (last + 16 <= images_left * w->in[0] * row)
      pare_store_few(y, most16(&at, x + at.first, flip), (size_t)c);
    else
      most_few(p, &at, x + at.first, y);
  }
}

pare_status pare_max_pool_8bit_run(pare_call *call) {
  const pare_tensor *x = call->in[0];
  pool_8bit p = {call->state, pare_u8(x), pare_u8(call->out[0]), x->dtype == PARE_S8 ? 0x80 : 0, 0, 0};
  if (call->node->channels_last) {
    p.n = x->shape.dims[0];
    p.channels = x->shape.dims[3];
    pare_parallel_for(call->pool, x->shape.dims[0] * p.w->out[0], run_last_row, &p);
    return PARE_OK;
  }
  pare_parallel_for(call->pool, x->shape.dims[0] * x->shape.dims[1], run_plane, &p);
  return PARE_OK;
}
