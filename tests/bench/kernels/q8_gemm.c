/* q8_gemm.h: C[m,n] with k terms in one run, requantized. */
#include "kernels/q8_gemm/q8_gemm.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 4x64", 4, 64, 256},           {"ceiling 24x64", 24, 64, 256},
    {"lenet5 conv2", 100, 16, 152},         {"lenet5 fc1 batch 1", 1, 120, 400},
    {"mlp fc1 batch 1", 1, 512, 784},       {"resnet8 16", 1024, 16, 144},
    {"resnet8 32", 256, 32, 288},           {"resnet8 64", 64, 64, 576},
    {"mobilenet 8 to 16", 2304, 16, 8},     {"mobilenet 128", 36, 128, 128},
    {"mobilenet 256, 3x3", 9, 256, 256},    {"mobilenet2 16 to 96", 784, 96, 16},
    {"mobilenet2 64 to 384", 196, 384, 64}, {"mobilenet2 960, 7x7", 49, 160, 960},
};

static pare_q8_gemm_args args;

static const char *variant(int i) {
  return pare_q8_gemm_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  static const int32_t one_run = 0;
  static int32_t steps[512];
  const pare_q8_gemm_kernel *kernel = pare_q8_gemm_at(i_variant);
  size_t bytes = 0;
  if (!pare_q8_pack_bytes(kernel, s->k, s->n, &bytes) || s->k > 2 * (int64_t)PARE_COUNT(steps)) return;
  pare_q8_steps(&one_run, 1, s->k, steps);
  const size_t whole = (size_t)pare_q8_round_up(s->n, 64);
  args = (pare_q8_gemm_args){.m = s->m,
                             .n = s->n,
                             .a = bench_memory((size_t)((s->m + 3) * s->k * 2)),
                             .a_row = s->k,
                             .runs = &one_run,
                             .n_runs = 1,
                             .run_len = s->k,
                             .steps = steps,
                             .b = bench_memory(bytes)};
  args.sink = (pare_q8_sink){.bias = bench_memory(whole * 4),
                             .scale = bench_f32((int64_t)whole),
                             .high = 255,
                             .bounded = true,
                             .y = bench_memory((size_t)(s->m * s->n)),
                             .row = s->n};
}

static void run(int i_variant) {
  pare_q8_gemm_at(i_variant)->run(&args);
}

const bench_family bench_q8_gemm = {
    .name = "q8_gemm",
    .dtype = "int8",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_q8_gemm_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
