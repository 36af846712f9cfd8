/* q8_depthwise.h: m places, n channels, k x k taps of neighbouring places. */
#include "kernels/q8_depthwise/q8_depthwise.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 64 channels", 24, 64, 3},
    {"mobilenet 8 channels", 96, 8, 3},
    {"mobilenet 32 channels", 96, 32, 3},
    {"mobilenet 128 channels, 6x6", 36, 128, 3},
    {"mobilenet2 96 channels", 112, 96, 3},
    {"5x5", 28, 64, 5},
    {"mobilenet2 960 channels, 7x7", 49, 960, 3},
    {"mobilenet 16 channels, stride 2", 96, 16, 3},
    {"mobilenet 64 channels, 6x6, stride 2", 36, 64, 3},
};

/* Of each shape: places in a row, and how far they are apart. */
static const struct {
  int64_t width, stride;
} rows_of[PARE_COUNT(shapes)] = {{24, 1}, {48, 1}, {24, 1}, {6, 1}, {112, 1},
                                 {28, 1}, {7, 1},  {24, 2}, {6, 2}};

static pare_q8_depthwise_args args;
static int32_t rows[128], taps[32];

static const char *variant(int i) {
  return pare_q8_depthwise_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  const pare_q8_gemm_kernel *packing = &pare_q8_depthwise_at(i_variant)->packing;
  const int64_t width = rows_of[s - shapes].width, stride = rows_of[s - shapes].stride, height = s->m / width;
  const int64_t n_taps = pare_q8_round_up(s->k * s->k, pare_q8_k_step(packing));
  const int64_t row = ((width - 1) * stride + s->k) * s->n;
  size_t bytes = 0;
  if (!pare_q8_pack_bytes(packing, n_taps, s->n, &bytes)) return;
  for (int64_t i = 0; i < s->m; i++)
    rows[i] = (int32_t)(i / width * stride * row + i % width * stride * s->n);
  for (int64_t i = 0; i < n_taps; i++) taps[i] = (int32_t)(i / s->k % s->k * row + i % s->k * s->n);
  const size_t whole = (size_t)pare_q8_round_up(s->n, 64);
  args = (pare_q8_depthwise_args){
      .m = s->m,
      .width = width,
      .c = s->n,
      .x = bench_memory((size_t)((height * stride + s->k) * row + PARE_Q8_ALIGN) * 2),
      .rows = rows,
      .taps = taps,
      .n_taps = n_taps,
      .w = bench_memory(bytes)};
  args.sink = (pare_q8_sink){.bias = bench_memory(whole * 4),
                             .scale = bench_f32((int64_t)whole),
                             .high = 255,
                             .bounded = true,
                             .y = bench_memory((size_t)(s->m * s->n)),
                             .row = s->n};
}

static void run(int i_variant) {
  pare_q8_depthwise_at(i_variant)->run(&args);
}

const bench_family bench_q8_depthwise = {
    .name = "q8_depthwise",
    .dtype = "int8",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_q8_depthwise_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
