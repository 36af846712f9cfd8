/* s16_depthwise.h: one channel of an image of m x m outputs, kernel k x k, stride n. */
#include "kernels/s16_depthwise/s16_depthwise.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 3x3", 48, 1, 3},  {"mobilenet 48", 48, 1, 3}, {"mobilenet 24 stride 2", 24, 2, 3},
    {"mobilenet 12", 12, 1, 3}, {"mobilenet 6", 6, 1, 3},   {"mobilenet2 112", 112, 1, 3},
};

static pare_window window;
static pare_s16_depthwise_args args;

static const char *variant(int i) {
  return pare_s16_depthwise_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->m * s->k * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  const int64_t in = (s->m - 1) * s->n + s->k;
  window = (pare_window){.in = {in, in},
                         .out = {s->m, s->m},
                         .kernel = {s->k, s->k},
                         .stride = {s->n, s->n},
                         .dilation = {1, 1}};
  const int64_t row = (s->m + 7) / 8 * 8;
  args = (pare_s16_depthwise_args){.window = &window,
                                   .x = bench_memory((size_t)(in * in + PARE_S16_DEPTHWISE_SLACK) * 2),
                                   .x_row = in,
                                   .w = bench_memory((size_t)(s->k * s->k) * 2),
                                   .acc = bench_memory((size_t)(s->m * row) * 4),
                                   .acc_row = row};
}

static void run(int i_variant) {
  pare_s16_depthwise_at(i_variant)->run(&args);
}

const bench_family bench_s16_depthwise = {
    .name = "s16_depthwise",
    .dtype = "int8",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_s16_depthwise_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
