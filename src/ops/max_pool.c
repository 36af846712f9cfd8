/* MaxPool: Y[p] = the largest X under the window at p, padding counting as nothing (ONNX MaxPool, opset
 * 12). The gradient goes to the first largest element, rows first, as PyTorch's; a NaN wins and stays. Here
 * for f32 in one and two dimensions; the rest is in max_pool_8bit.c and pool_nd.c. */
#include <math.h>

#include "base/parallel.h"
#include "kernels/simd.h"
#include "ops/max_pool_8bit.h"
#include "ops/pool_nd.h"

/* More than two dimensions, other types, or Indices wanted. */
static bool is_nd(const pare_call *call) {
  return call->in[0]->shape.rank > 4 || (call->in[0]->dtype != PARE_F32 && !pare_max_pool_is_8bit(call)) ||
         (call->n_out > 1 && call->out[1]);
}

static pare_status infer(pare_call *call) {
  if (is_nd(call)) return pare_max_pool_nd_infer(call);
  return pare_max_pool_is_8bit(call) ? pare_pool_infer_shape(call) : pare_pool_infer(call);
}

static pare_status prepare(pare_call *call) {
  if (is_nd(call)) return pare_max_pool_nd_prepare(call);
  PARE_TRY(pare_pool_prepare(call));
  const pare_window *w = call->state;
  if (w->in[0] * w->in[1] > INT32_MAX)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "images of more than 2^31 elements");
  if (call->training) call->saved_bytes = (size_t)pare_tensor_count(call->out[0]) * sizeof(int32_t);
  return PARE_OK;
}

/* One window; the place of its largest element, -1 when it lies in padding alone. */
static int64_t largest(const pare_window *w, const float *x, pare_pool_part rows, pare_pool_part columns,
                       float *value) {
  int64_t at = -1;
  float most = -INFINITY;
  for (int64_t i = rows.first; i < rows.end; i++) {
    const int64_t row = (rows.start + i * w->dilation[0]) * w->in[1] + columns.start;
    for (int64_t j = columns.first; j < columns.end; j++) {
      const float candidate = x[row + j * w->dilation[1]];
      if (at < 0 || candidate > most || (candidate != candidate && most == most)) {
        most = candidate;
        at = row + j * w->dilation[1];
      }
    }
  }
  *value = most;
  return at;
}

/* Where b is to be taken rather than a: it is larger or a NaN, and a is not a NaN. */
static inline bool takes(float a, float b) {
  return !(a >= b) && a == a;
}
static inline v128_t takes4(v128_t a, v128_t b) {
  return wasm_v128_andnot(wasm_f32x4_eq(a, a), wasm_f32x4_ge(a, b));
}

/* Four windows of two by two side by side, from the places `at` and below. */
static inline void four_2x2(const float *top, const float *bottom, v128_t at, int32_t width, float *y,
                            int32_t *places) {
  const v128_t t0 = wasm_v128_load(top), t1 = wasm_v128_load(top + 4), b0 = wasm_v128_load(bottom),
               b1 = wasm_v128_load(bottom + 4);
  const v128_t t_even = wasm_i32x4_shuffle(t0, t1, 0, 2, 4, 6),
               t_odd = wasm_i32x4_shuffle(t0, t1, 1, 3, 5, 7),
               b_even = wasm_i32x4_shuffle(b0, b1, 0, 2, 4, 6),
               b_odd = wasm_i32x4_shuffle(b0, b1, 1, 3, 5, 7);
  const v128_t second = takes4(t_even, t_odd), fourth = takes4(b_even, b_odd);
  const v128_t high = wasm_v128_bitselect(t_odd, t_even, second),
               low = wasm_v128_bitselect(b_odd, b_even, fourth);
  const v128_t below = takes4(high, low);
  wasm_v128_store(y, wasm_v128_bitselect(low, high, below));
  if (!places) return;
  /* a mask is -1 where it is set */
  const v128_t in_row = wasm_v128_bitselect(fourth, second, below);
  const v128_t row = wasm_v128_and(below, wasm_i32x4_splat(width));
  wasm_v128_store(places, wasm_i32x4_sub(wasm_i32x4_add(at, row), in_row));
}

/* Two by two, the usual case, without padding. */
static void run_2x2(const pare_window *w, const float *x, float *y, int32_t *places) {
  for (int64_t p = 0; p < w->out[0]; p++) {
    const float *top = x + p * w->stride[0] * w->in[1], *bottom = top + w->in[1];
    int64_t q = 0;
    for (; w->stride[1] == 2 && q + 4 <= w->out[1]; q += 4, top += 8, bottom += 8, y += 4) {
      const v128_t at = wasm_i32x4_add(wasm_i32x4_splat((int32_t)(top - x)), wasm_i32x4_const(0, 2, 4, 6));
      four_2x2(top, bottom, at, (int32_t)w->in[1], y, places);
      if (places) places += 4;
    }
    for (; q < w->out[1]; q++, top += w->stride[1], bottom += w->stride[1]) {
      const bool second = takes(top[0], top[1]), fourth = takes(bottom[0], bottom[1]);
      const float high = second ? top[1] : top[0], low = fourth ? bottom[1] : bottom[0];
      const bool below = takes(high, low);
      *y++ = below ? low : high;
      if (places) *places++ = (int32_t)(below ? bottom - x + fourth : top - x + second);
    }
  }
}

typedef struct pool_call {
  const pare_window *w;
  const float *x;
  float *y;
  int32_t *places; /* NULL unless training */
  int64_t channels;
} pool_call;

static void run_plane(void *arg, int64_t i, int i_thread) {
  const pool_call *call = arg;
  const pare_window *w = call->w;
  const int64_t n = w->out[0] * w->out[1];
  const float *x = call->x + i * w->in[0] * w->in[1];
  float *y = call->y + i * n;
  int32_t *places = call->places ? call->places + i * n : NULL;
  (void)i_thread;
  const bool inside = w->pad_begin[0] == 0 && w->pad_begin[1] == 0 &&
                      (w->out[0] - 1) * w->stride[0] + 2 <= w->in[0] &&
                      (w->out[1] - 1) * w->stride[1] + 2 <= w->in[1];
  if (inside && w->kernel[0] == 2 && w->kernel[1] == 2 && w->dilation[0] == 1 && w->dilation[1] == 1) {
    run_2x2(w, x, y, places);
    return;
  }
  for (int64_t p = 0; p < w->out[0]; p++) {
    const pare_pool_part rows = pare_pool_part_at(w, 0, p);
    for (int64_t q = 0; q < w->out[1]; q++) {
      const int64_t at = largest(w, x, rows, pare_pool_part_at(w, 1, q), y++);
      if (places) *places++ = (int32_t)at;
    }
  }
}

/* y[n] = max(y, x); a NaN wins and stays. */
static void raise(const float *restrict x, int64_t n, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] = ((x[i] > y[i]) | (x[i] != x[i])) ? x[i] : y[i];
}

/* The same, and the window place where each stands: the first of equal ones, the first NaN. */
static void raise_at(const float *restrict x, int32_t place, int64_t n, float *restrict y,
                     int32_t *restrict at) {
  for (int64_t i = 0; i < n; i++) {
    const bool higher = (x[i] > y[i]) | ((x[i] != x[i]) & (y[i] == y[i]));
    y[i] = higher ? x[i] : y[i];
    at[i] = higher ? place : at[i];
  }
}

/* Channels last: output row `i` of all images. */
static void run_last_row(void *arg, int64_t i, int i_thread) {
  const pool_call *call = arg;
  const pare_window *w = call->w;
  const int64_t c = call->channels;
  const float *x = call->x + i / w->out[0] * w->in[0] * w->in[1] * c;
  float *y = call->y + i * w->out[1] * c;
  int32_t *places = call->places ? call->places + i * w->out[1] * c : NULL;
  const pare_pool_part rows = pare_pool_part_at(w, 0, i % w->out[0]);
  (void)i_thread;
  for (int64_t q = 0; q < w->out[1]; q++, y += c) {
    const pare_pool_part columns = pare_pool_part_at(w, 1, q);
    const bool empty = rows.first >= rows.end || columns.first >= columns.end;
    const int32_t first = empty ? -1 : (int32_t)(rows.first * w->kernel[1] + columns.first);
    for (int64_t k = 0; k < c; k++) y[k] = -INFINITY;
    for (int64_t k = 0; k < c && places; k++) places[k] = first;
    for (int64_t k = rows.first; k < rows.end; k++) {
      const float *row = x + ((rows.start + k * w->dilation[0]) * w->in[1] + columns.start) * c;
      for (int64_t j = columns.first; j < columns.end; j++) {
        if (places)
          raise_at(row + j * w->dilation[1] * c, (int32_t)(k * w->kernel[1] + j), c, y, places);
        else
          raise(row + j * w->dilation[1] * c, c, y);
      }
    }
    if (places) places += c;
  }
}

static pare_status run(pare_call *call) {
  if (is_nd(call)) return pare_max_pool_nd_run(call);
  if (pare_max_pool_is_8bit(call)) return pare_max_pool_8bit_run(call);
  const pare_shape *x = &call->in[0]->shape;
  pool_call all = {call->state, pare_f32(call->in[0]), pare_f32(call->out[0]),
                   call->training ? call->saved : NULL, 0};
  if (call->node->channels_last) {
    all.channels = x->dims[3];
    pare_parallel_for(call->pool, x->dims[0] * all.w->out[0], run_last_row, &all);
    return PARE_OK;
  }
  pare_parallel_for(call->pool, x->dims[0] * x->dims[1], run_plane, &all);
  return PARE_OK;
}

static void add_where(const float *restrict dy, const int32_t *restrict at, int32_t place, int64_t n,
                      float *restrict dx) {
  for (int64_t i = 0; i < n; i++) {
    const float d = dy[i];
    dx[i] += at[i] == place ? d : 0.0f;
  }
}

/* Channels last: one image, whose input gradient is dx. */
static void backward_last(const pare_window *w, int64_t c, const float *dy, const int32_t *at, float *dx) {
  for (int64_t p = 0; p < w->out[0]; p++) {
    const pare_pool_part rows = pare_pool_part_at(w, 0, p);
    for (int64_t q = 0; q < w->out[1]; q++, dy += c, at += c) {
      const pare_pool_part columns = pare_pool_part_at(w, 1, q);
      for (int64_t k = rows.first; k < rows.end; k++) {
        float *row = dx + ((rows.start + k * w->dilation[0]) * w->in[1] + columns.start) * c;
        for (int64_t j = columns.first; j < columns.end; j++) {
          add_where(dy, at, (int32_t)(k * w->kernel[1] + j), c, row + j * w->dilation[1] * c);
        }
      }
    }
  }
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (is_nd(call)) return pare_max_pool_nd_backward(grad);
  const pare_window *w = call->state;
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  if (call->node->channels_last) {
    const pare_shape *x = &call->in[0]->shape;
    const int64_t c = x->dims[3], n_in = w->in[0] * w->in[1] * c, n_out = w->out[0] * w->out[1] * c;
    for (int64_t i = 0; i < x->dims[0]; i++) {
      backward_last(w, c, pare_f32(grad->d_out[0]) + i * n_out, (const int32_t *)call->saved + i * n_out,
                    pare_f32(grad->d_in[0]) + i * n_in);
    }
    return PARE_OK;
  }
  const int64_t n_planes = call->in[0]->shape.dims[0] * call->in[0]->shape.dims[1], n = w->out[0] * w->out[1];
  const float *dy = pare_f32(grad->d_out[0]);
  float *dx = pare_f32(grad->d_in[0]);
  const int32_t *places = call->saved;
  for (int64_t i = 0; i < n_planes; i++, dx += w->in[0] * w->in[1]) {
    for (int64_t p = 0; p < n; p++, places++, dy++)
      if (*places >= 0) dx[*places] += *dy;
  }
  return PARE_OK;
}

const pare_op pare_op_max_pool = {
    .name = "MaxPool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 2,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_SAME,
    .layout = PARE_LAYOUT_FOLLOWS,
    .batch_layout = PARE_BATCH_FOLLOWS,
};
