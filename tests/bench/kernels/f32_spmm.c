/* f32_spmm.h: C[m,n] with k terms, of which one in ten is not zero. Work counts as if dense, so that it compares with f32_gemm. */
#include "kernels/f32_spmm/f32_spmm.h"

#include <math.h>

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 16x128", 16, 128, 128},
    {"conv64, 16x16 pixels", 64, 256, 576},
    {"linear 512, batch 64", 512, 64, 512},
    {"linear 512, batch 1", 512, 1, 512},
};

static pare_f32_sparse a;
static pare_f32_spmm_args args;

static const char *variant(int i) {
  return pare_f32_spmm_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

static void prepare(const bench_shape *s, int i_variant) {
  (void)i_variant;
  const int64_t n_nonzeros = s->m * (s->k / 10);
  int32_t *ends = bench_memory((size_t)s->m * sizeof *ends);
  int32_t *places = bench_memory((size_t)n_nonzeros * sizeof *places);
  for (int64_t i = 0; i < s->m; i++) ends[i] = (int32_t)((i + 1) * (s->k / 10));
  for (int64_t i = 0; i < n_nonzeros; i++) places[i] = (int32_t)(i % (s->k / 10) * 10 * s->n);
  a = (pare_f32_sparse){.m = s->m,
                        .k = s->k,
                        .n_nonzeros = n_nonzeros,
                        .ends = ends,
                        .places = places,
                        .values = bench_f32(n_nonzeros)};
  args = (pare_f32_spmm_args){.a = &a,
                              .m = s->m,
                              .n = s->n,
                              .x = bench_f32(s->k * s->n),
                              .c = bench_f32(s->m * s->n),
                              .c_row = s->n,
                              .clamp_low = -INFINITY,
                              .clamp_high = INFINITY};
}

static void run(int i_variant) {
  pare_f32_spmm_at(i_variant)->run(&args);
}

const bench_family bench_f32_spmm = {
    .name = "f32_spmm",
    .dtype = "sparse",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = pare_f32_spmm_count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
