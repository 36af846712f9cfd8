/* The kernel benchmark: every variant of every family's .def list on shapes of the benchmark's networks, against the family's ceiling. A family is
 * one file here and one line in families.def. */
#ifndef PARE_BENCH_H
#define PARE_BENCH_H

#include "base/base.h"

/* What the sizes mean is the family's own; `macs` is the work of one run. */
typedef struct bench_shape {
  const char *
      name; /* "ceiling ...": stays in the nearest cache and has no tails; the best of these is the family's ceiling */
  int64_t m, n, k;
} bench_shape;

typedef struct bench_family {
  const char *name, *dtype; /* dtype: "f32", "int8" or "sparse": whose ceiling this is */
  const bench_shape *shapes;
  int n_shapes;
  int (*count)(void);
  const char *(*variant)(int i);
  int64_t (*macs)(const bench_shape *shape);
  void (*prepare)(const bench_shape *shape, int i_variant); /* memory from bench_memory */
  void (*run)(int i_variant);
} bench_family;

/* Memory until the next `prepare`, filled with small numbers that are not zero; ends the program when there is none. */
void *bench_memory(size_t len_bytes);
float *bench_f32(int64_t n);

#define BENCH_FAMILY(name) extern const bench_family bench_##name;
#include "families.def"
#undef BENCH_FAMILY

#endif
