/* bench_kernels [--ceilings] [--json] [FAMILY]: GMAC/s of every variant on every shape (the best of many short trials, so that a busy machine matters
 * little), and its share of the family's ceiling. `--ceilings` measures the ceiling shapes only. Not a test: nothing is asserted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const bench_family *const families[] = {
#define BENCH_FAMILY(name) &bench_##name,
#include "families.def"
#undef BENCH_FAMILY
};

#ifdef __wasm__
#define TRIALS   10
#define TRIAL_MS 4.0 /* a browser's clock ticks every 0.1 ms */
#define WARM_MS  60  /* engines compile again what turns out to be hot, and meanwhile run it slowly */
#else
#define TRIALS   40
#define TRIAL_MS 0.5
#define WARM_MS  0
#endif

static struct {
  void *blocks[16];
  int n;
} memory;

static void forget(void) {
  while (memory.n > 0) free(memory.blocks[--memory.n]);
}

void *bench_memory(size_t len_bytes) {
  const size_t whole = (len_bytes + 127) / 64 * 64;
  uint8_t *block = memory.n < (int)PARE_COUNT(memory.blocks) ? aligned_alloc(64, whole) : NULL;
  if (!block) {
    fputs("bench_kernels: out of memory\n", stderr);
    exit(1);
  }
  memory.blocks[memory.n++] = block;
  for (size_t i = 0; i < whole; i++) block[i] = (uint8_t)(i % 7);
  return block;
}

float *bench_f32(int64_t n) {
  float *x = bench_memory((size_t)n * sizeof(float));
  for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 13 - 6) / 8.0f;
  return x;
}

static bool is_ceiling(const bench_shape *shape) {
  return strncmp(shape->name, "ceiling", 7) == 0;
}

static double time_ms(const bench_family *family, int i_variant, int64_t n_runs) {
  const double start = pare_now_ms();
  for (int64_t i = 0; i < n_runs; i++) family->run(i_variant);
  return pare_now_ms() - start;
}

static double measure(const bench_family *family, const bench_shape *shape, int i_variant) {
  forget();
  family->prepare(shape, i_variant);
  const double start = pare_now_ms();
  int64_t n_runs = 1;
  while (pare_now_ms() - start < WARM_MS) family->run(i_variant);
  while (time_ms(family, i_variant, n_runs) < TRIAL_MS) n_runs *= 2;
  double best = 1e30;
  for (int trial = 0; trial < TRIALS; trial++) {
    const double ms = time_ms(family, i_variant, n_runs);
    if (ms > 0 && ms < best) best = ms;
  }
  return (double)family->macs(shape) * (double)n_runs / best * 1e-6;
}

typedef struct wish {
  bool ceilings, json;
  const char *family;
} wish;

static void print_row(const bench_family *family, const char *variant, const bench_shape *shape, double gmacs,
                      double ceiling, bool json) {
  if (json) {
    static bool later;
    printf("%s{\"family\":\"%s\",\"dtype\":\"%s\",\"variant\":\"%s\",\"shape\":\"%s\",\"gmacs\":%.3f}",
           later ? ",\n" : "", family->name, family->dtype, variant, shape->name, gmacs);
    later = true;
    return;
  }
  printf("%-36s %-36s %5dx%4dx%4d %8.2f GMAC/s %4.0f %%\n", variant, shape->name, (int)shape->m,
         (int)shape->n, (int)shape->k, gmacs, 100 * gmacs / ceiling);
  fflush(stdout);
}

static void run_family(const bench_family *family, const wish *wanted) {
  double ceiling = 0;
  for (int pass = 0; pass < (wanted->ceilings ? 1 : 2); pass++)
    for (int i = 0; i < family->n_shapes; i++) {
      const bench_shape *shape = &family->shapes[i];
      if (is_ceiling(shape) != (pass == 0)) continue;
      for (int v = 0; v < family->count(); v++) {
        const double gmacs = measure(family, shape, v);
        if (gmacs > ceiling) ceiling = gmacs;
        print_row(family, family->variant(v), shape, gmacs, ceiling, wanted->json);
      }
    }
  forget();
}

int main(int argc, char **argv) {
  wish wanted = {.family = NULL};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--ceilings") == 0)
      wanted.ceilings = true;
    else if (strcmp(argv[i], "--json") == 0)
      wanted.json = true;
    else
      wanted.family = argv[i];
  }
  if (wanted.json) printf("[");
  for (size_t i = 0; i < PARE_COUNT(families); i++)
    if (!wanted.family || strcmp(wanted.family, families[i]->name) == 0) run_family(families[i], &wanted);
  if (wanted.json) printf("]\n");
  return 0;
}
