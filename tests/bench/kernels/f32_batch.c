/* f32_batch.h, the product: m channels out, k terms, n images side by side (what training calls for each place of an output). */
#include "kernels/f32_batch/f32_batch.h"

#include "bench.h"

static const bench_shape shapes[] = {{"ceiling 32 channels", 32, 64, 128}, {"lenet5 conv1", 6, 64, 25},
                                     {"lenet5 conv2", 16, 64, 150},        {"resnet8 16", 16, 64, 144},
                                     {"resnet8 32", 32, 64, 288},          {"resnet8 64", 64, 64, 576},
                                     {"resnet8 64, batch 16", 64, 16, 576}};

static pare_f32_batch_product_args args;

static const char *variant(int i) {
  return pare_f32_batch_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  int32_t *a_at = bench_memory((size_t)s->k * sizeof *a_at),
          *b_at = bench_memory((size_t)s->k * sizeof *b_at);
  for (int64_t k = 0; k < s->k; k++) {
    a_at[k] = (int32_t)k;
    b_at[k] = (int32_t)(k * s->n);
  }
  args = (pare_f32_batch_product_args){.m = s->m,
                                       .n = s->n,
                                       .n_taps = s->k,
                                       .a = bench_f32(s->m * s->k),
                                       .a_row = s->k,
                                       .b = bench_f32(s->k * s->n),
                                       .a_at = a_at,
                                       .b_at = b_at,
                                       .c = bench_f32(s->m * s->n),
                                       .c_row = s->n};
}

static void run(int i_variant) {
  pare_f32_batch_at(i_variant)->product(&args);
}

const bench_family bench_f32_batch = {
    .name = "f32_batch",
    .dtype = "f32",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_f32_batch_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
