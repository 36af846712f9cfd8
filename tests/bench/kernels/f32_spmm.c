/* f32_spmm.h: C[m,n] with k terms, of which one in ten or two in four are not zero. Work counts as if dense, so that it compares with
 * f32_gemm. */
#include "kernels/f32_spmm/f32_spmm.h"

#include <math.h>
#include <string.h>

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 16x128", 16, 128, 128},
    {"conv64, 16x16 pixels", 64, 256, 576},
    {"linear 512, batch 64", 512, 64, 512},
    {"linear 512, batch 1", 512, 1, 512},
    {"conv64, 16x16 pixels, 2:4", 64, 256, 576},
    {"linear 512, batch 64, 2:4", 512, 64, 512},
};

static pare_f32_sparse a;
static pare_f32_spmm_args args;

static const char *variant(int i) {
  return pare_f32_spmm_at(i)->name;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->n * s->k;
}

/* Of every 20 columns 2, or of every 4 columns 2, scattered; as pare_f32_sparse_pack orders them. */
static void prepare(const bench_shape *s, int i_variant) {
  const int64_t columns = pare_f32_spmm_at(i_variant)->columns, width = s->n < columns ? s->n : columns,
                block = 6144 / width, of = strstr(s->name, "2:4") ? 4 : 20,
                n_blocks = (s->k + block - 1) / block;
  int32_t *ends = bench_memory((size_t)(s->m * n_blocks) * sizeof *ends);
  int32_t *places = bench_memory((size_t)(s->m * s->k) * sizeof *places);
  int32_t n = 0;
  for (int64_t b = 0; b < n_blocks; b++) {
    for (int64_t i = 0; i < s->m; i++) {
      for (int64_t j = b * block; j < s->k && j < (b + 1) * block; j++)
        if ((j + i) % of == 0 || (j + i / of) % of == of / 2 + 1)
          places[n++] = (int32_t)(j * pare_f32_spmm_pitch(s->n) * 4);
      ends[b * s->m + i] = n;
    }
  }
  a = (pare_f32_sparse){.m = s->m,
                        .k = s->k,
                        .n_nonzeros = n,
                        .n_blocks = n_blocks,
                        .ends = ends,
                        .places = places,
                        .values = bench_f32(n)};
  args = (pare_f32_spmm_args){.a = &a,
                              .m = s->m,
                              .n = s->n,
                              .x = bench_f32(s->k * pare_f32_spmm_pitch(s->n)),
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
