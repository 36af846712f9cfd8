/* s16_gemm.h: C[m,n] with k terms. */
#include "kernels/s16_gemm/s16_gemm.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 4x8", 4, 32, 256},         {"ceiling 12x32", 12, 32, 256},   {"lenet5 conv2", 16, 104, 150},
    {"lenet5 fc1 batch 1", 1, 120, 400}, {"mlp fc1 batch 1", 1, 512, 784}, {"resnet8 16", 16, 1024, 144},
    {"resnet8 32", 32, 256, 288},        {"resnet8 64", 64, 64, 576},      {"mobilenet 128", 128, 40, 128},
};

static pare_s16_gemm_args args;

static const char *variant(int i) {
  return pare_s16_gemm_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  const int64_t pairs = pare_s16_pairs(s->k), panels = pare_s16_panels(s->n);
  args = (pare_s16_gemm_args){.m = s->m,
                              .n_panels = panels,
                              .k_pairs = pairs,
                              .a = bench_memory((size_t)(s->m * pairs * 4)),
                              .a_row = 2 * pairs,
                              .b = bench_memory((size_t)pare_s16_pack_len(s->k, s->n) * 2),
                              .c = bench_memory((size_t)(s->m * panels * PARE_S16_NR * 4)),
                              .c_row = panels * PARE_S16_NR};
}

static void run(int i_variant) {
  pare_s16_gemm_at(i_variant)->run(&args);
}

const bench_family bench_s16_gemm = {
    .name = "s16_gemm",
    .dtype = "int8",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_s16_gemm_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
