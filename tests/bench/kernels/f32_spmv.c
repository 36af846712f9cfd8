/* f32_spmv.h: m rows of k weights, of which one in ten is not zero, by one vector. Work counts as if dense, so that it compares with f32_gemm. */
#include "kernels/f32_spmv/f32_spmv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static const bench_shape shapes[] = {{"ceiling 64", 64, 1, 256},
                                     {"lenet300 fc1", 300, 1, 784},
                                     {"linear 512", 512, 1, 512},
                                     {"linear 1024", 1024, 1, 1024}};

static pare_context *ctx;
static pare_arena arena;
static pare_f32_spmv a;
static pare_f32_spmv_args args;

static const char *variant(int i) {
  return pare_f32_spmv_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->k;
}

static void must(bool happened) {
  if (happened) return;
  fprintf(stderr, "out of memory\n");
  exit(1);
}

static void prepare(const bench_shape *s, int i_variant) {
  if (ctx) pare_arena_free(&arena);
  must(ctx || pare_context_new(NULL, &ctx) == PARE_OK);
  pare_arena_init(&arena, ctx);
  float *dense = bench_f32(s->m * s->k);
  uint32_t state = 1;
  for (int64_t i = 0; i < s->m * s->k; i++) {
    state = state * 1664525u + 1013904223u;
    if (state >> 16 >= 6554) dense[i] = 0.0f;
  }
  must(pare_f32_spmv_pack(&arena, pare_f32_spmv_at(i_variant), dense, s->k, 1, s->m, s->k, &a) == PARE_OK);
  for (int64_t i = 0; i < s->k; i++) a.x[i] = 0.5f;
  args = (pare_f32_spmv_args){
      .a = &a, .y = bench_f32(s->m), .bias = bench_f32(s->m), .clamp_low = -INFINITY, .clamp_high = INFINITY};
}

static void run(int i_variant) {
  pare_f32_spmv_at(i_variant)->run(&args);
}

const bench_family bench_f32_spmv = {
    .name = "f32_spmv",
    .dtype = "sparse",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_f32_spmv_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
