/* f32_gemm.h: C[m,n] with k terms. */
#include "kernels/f32_gemm/f32_gemm.h"

#include <math.h>

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 4x8", 4, 32, 128},
    {"ceiling 6x16", 12, 32, 128},
    {"ceiling 14x32", 28, 32, 128},
    {"lenet5 conv1", 6, 784, 25},
    {"lenet5 conv2", 16, 100, 150},
    {"lenet5 fc1 batch 64", 64, 120, 400},
    {"lenet5 fc1 batch 1", 1, 120, 400},
    {"mlp fc1 batch 1", 1, 512, 784},
    {"lstm step, 256 hidden", 1, 1024, 256},
    {"resnet8 16", 16, 1024, 144},
    {"resnet8 32", 32, 256, 288},
    {"resnet8 64", 64, 64, 576},
    {"resnet8 16 channels last", 1024, 16, 144},
    {"resnet8 32 channels last", 256, 32, 288},
    {"resnet8 64 channels last", 64, 64, 576},
    {"mobilenet 128", 128, 36, 128},
    {"mobilenet 128 channels last", 36, 128, 128},
    {"mobilenet2 1x1 large, channels last", 3136, 144, 24},
    {"mobilenet2 1x1 last, channels last", 49, 1280, 320},
    {"square", 256, 256, 256},
};

static pare_f32_gemm_args args;

static const char *variant(int i) {
  return pare_f32_gemm_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  args = (pare_f32_gemm_args){.m = s->m,
                              .n = s->n,
                              .k = s->k,
                              .a = bench_f32(s->m * s->k),
                              .a_row = s->k,
                              .a_column = 1,
                              .b = bench_f32((int64_t)pare_f32_pack_len(s->k, s->n)),
                              .c = bench_f32(s->m * s->n),
                              .c_row = s->n,
                              .clamp_low = 0,
                              .clamp_high = INFINITY};
}

static void run(int i_variant) {
  pare_f32_gemm_at(i_variant)->run(&args);
}

const bench_family bench_f32_gemm = {
    .name = "f32_gemm",
    .dtype = "f32",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_f32_gemm_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
