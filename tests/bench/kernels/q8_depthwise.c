/* q8_depthwise.h: m places, n channels, k x k taps of neighbouring places. */
#include "kernels/q8_depthwise/q8_depthwise.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 64 channels", 24, 64, 3},     {"mobilenet 8 channels", 96, 8, 3},
    {"mobilenet 32 channels", 96, 32, 3},   {"mobilenet 128 channels", 36, 128, 3},
    {"mobilenet2 96 channels", 112, 96, 3}, {"5x5", 28, 64, 5},
};

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
  const int64_t n_taps = pare_q8_round_up(s->k * s->k, pare_q8_k_step(packing)), row = (s->m + s->k) * s->n;
  size_t bytes = 0;
  if (!pare_q8_pack_bytes(packing, n_taps, s->n, &bytes)) return;
  for (int64_t i = 0; i < s->m; i++) rows[i] = (int32_t)(i * s->n);
  for (int64_t i = 0; i < n_taps; i++) taps[i] = (int32_t)(i / s->k % s->k * row + i % s->k * s->n);
  const size_t whole = (size_t)pare_q8_round_up(s->n, 64);
  args = (pare_q8_depthwise_args){.m = s->m,
                                  .c = s->n,
                                  .x = bench_memory((size_t)(s->k * row + PARE_Q8_ALIGN) * 2),
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
