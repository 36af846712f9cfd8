/* blocks.h. Steps are half_even(x / scale), as ONNX's QuantizeLinear. */
#include "compress/quant/blocks.h"

#include <math.h>

#include "compress/quant/affine.h"

static pare_status allocate(pare_arena *arena, pare_blocks *b) {
  const size_t n_scales = (size_t)(b->before * b->n_blocks * b->after);
  b->q = pare_arena_array(arena, (size_t)(b->before * b->n * b->after), sizeof *b->q);
  b->scales = pare_arena_array(arena, n_scales, sizeof *b->scales);
  b->zeros = pare_arena_array(arena, n_scales, sizeof *b->zeros);
  return b->q && b->scales && b->zeros ? PARE_OK : PARE_OUT_OF_MEMORY;
}

typedef struct range {
  float low, high; /* zero is inside */
} range;

static void choose(pare_blocks *b, int64_t at, range r) {
  const float steps = (float)((1 << b->bits) - 1), most = fmaxf(-r.low, r.high);
  const float scale = b->symmetric ? most / (float)((1 << (b->bits - 1)) - 1) : (r.high - r.low) / steps;
  b->scales[at] = scale >= PARE_SCALE_MIN ? scale : PARE_SCALE_MIN;
  b->zeros[at] = b->symmetric ? 0 : (int16_t)fminf(nearbyintf(-r.low / b->scales[at]), steps);
}

static int16_t quantized(const pare_blocks *b, int64_t at, float x) {
  const float half = (float)((1 << (b->bits - 1)) - 1), steps = (float)((1 << b->bits) - 1);
  const float value = nearbyintf(x / b->scales[at]) + (float)b->zeros[at];
  return (int16_t)fminf(fmaxf(value, b->symmetric ? -half : 0.0f), b->symmetric ? half : steps);
}

/* One block: elements first, first + step, ... */
static void quantize_run(pare_blocks *b, const float *w, int64_t first, int64_t step, int64_t n, int64_t at) {
  range r = {0, 0};
  for (int64_t i = 0; i < n; i++) {
    const float x = w[first + i * step];
    r.low = x < r.low ? x : r.low;
    r.high = x > r.high ? x : r.high;
  }
  choose(b, at, r);
  for (int64_t i = 0; i < n; i++) b->q[first + i * step] = quantized(b, at, w[first + i * step]);
}

pare_status pare_blocks_make(pare_arena *arena, const pare_tensor *w, int axis, int64_t size, int bits,
                             bool symmetric, pare_blocks *out) {
  const pare_shape *shape = &w->shape;
  *out = (pare_blocks){.before = pare_shape_count_range(shape, 0, axis),
                       .n = shape->dims[axis],
                       .after = pare_shape_count_range(shape, axis + 1, shape->rank),
                       .size = size > 0 ? size : shape->dims[axis],
                       .bits = bits,
                       .symmetric = symmetric};
  if (out->size < 1) out->size = 1;
  out->n_blocks = (out->n + out->size - 1) / out->size;
  PARE_TRY(allocate(arena, out));
  for (int64_t i = 0; i < out->before * out->n_blocks * out->after; i++) {
    const int64_t k = i % out->after, i_block = i / out->after % out->n_blocks;
    const int64_t start = i_block * out->size, left = out->n - start;
    const int64_t first = (i / out->after / out->n_blocks * out->n + start) * out->after + k;
    quantize_run(out, pare_f32(w), first, out->after, left < out->size ? left : out->size, i);
  }
  return PARE_OK;
}

pare_status pare_blocks_make_channels(pare_arena *arena, const pare_tensor *w, int axis, int bits,
                                      bool symmetric, pare_blocks *out) {
  const pare_shape *shape = &w->shape;
  const int64_t before = pare_shape_count_range(shape, 0, axis), channels = shape->dims[axis];
  const int64_t after = pare_shape_count_range(shape, axis + 1, shape->rank);
  *out = (pare_blocks){.before = 1,
                       .n = pare_shape_count(shape),
                       .after = 1,
                       .n_blocks = channels,
                       .bits = bits,
                       .symmetric = symmetric};
  PARE_TRY(allocate(arena, out));
  for (int64_t c = 0; c < channels; c++) {
    range r = {0, 0};
    for (int64_t i = 0; i < before * after; i++) {
      const float x = pare_f32(w)[(i / after * channels + c) * after + i % after];
      r.low = x < r.low ? x : r.low;
      r.high = x > r.high ? x : r.high;
    }
    choose(out, c, r);
    for (int64_t i = 0; i < before * after; i++) {
      const int64_t at = (i / after * channels + c) * after + i % after;
      out->q[at] = quantized(out, c, pare_f32(w)[at]);
    }
  }
  return PARE_OK;
}
