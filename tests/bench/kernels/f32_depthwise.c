/* f32_depthwise.h: m places of a square image, n channels, k x k taps, padded so that stride 1 keeps the size. */
#include "kernels/f32_depthwise/f32_depthwise.h"

#include <math.h>

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 32 channels", 64, 32, 3},
    {"mobilenet 8 channels", 2304, 8, 3},
    {"mobilenet 128 channels", 36, 128, 3},
    {"mobilenet2 960 channels", 49, 960, 3},
    {"mobilenet 16 channels, stride 2", 576, 16, 3},
    {"5x5", 784, 72, 5},
};

/* Of each shape: places in a row, and how far they are apart. */
static const struct {
  int64_t width, stride;
} rows_of[PARE_COUNT(shapes)] = {{8, 1}, {48, 1}, {6, 1}, {7, 1}, {24, 2}, {28, 1}};

static pare_window window;
static pare_f32_depthwise_args args;

static const char *variant(int i) {
  return pare_f32_depthwise_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  const int64_t width = rows_of[s - shapes].width, stride = rows_of[s - shapes].stride;
  for (int i = 0; i < 2; i++) {
    window.kernel[i] = s->k;
    window.stride[i] = stride;
    window.dilation[i] = 1;
    window.pad_begin[i] = window.pad_end[i] = s->k / 2;
    window.in[i] = width * stride;
    window.out[i] = width;
  }
  args = (pare_f32_depthwise_args){.window = &window,
                                   .c = s->n,
                                   .x = bench_f32(s->m * stride * stride * s->n),
                                   .w = bench_f32(s->k * s->k * s->n),
                                   .bias = bench_f32(s->n),
                                   .clamp_low = -INFINITY,
                                   .clamp_high = INFINITY,
                                   .y = bench_f32(s->m * s->n),
                                   .n_rows = width};
}

static void run(int i_variant) {
  pare_f32_depthwise_at(i_variant)->run(&args);
}

const bench_family bench_f32_depthwise = {
    .name = "f32_depthwise",
    .dtype = "f32",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_f32_depthwise_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
