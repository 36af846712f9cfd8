/* The body of every vector variant of f32_gemm.h, over a few macros that the including file defines:
 *   V, V_LANES, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_MUL,
 *   V_MAX(v, low): v < low ? low : v, V_MIN(v, high)
 *   V_MUL_ADD(sum, a, b)   only where a fused one is wanted (fast numerics)
 *   V_LOAD_B(b, b_panel)   only with more lanes than a panel has columns: the same row of neighbouring panels
 *   V_NAME, V_LINKAGE      the function; `static` or nothing
 *   V_ROWS, V_ROWS_OF(left)  most rows of a tile, and when so many units are left
 *   V_UNITS(rows, left)    V_ROW_UNITS for one row where so many are left; else units (V_UNIT columns: a panel, or as many as a vector holds) that a tile of so many
 *                          rows works on: enough independent sums to hide the latency
 *   V_ROW(X), V_ROW_SUMS   X(0) X(1) ... for the sums of a tile of one row
 *   V_EVEN                 rows are dealt out evenly (else whole tiles first, then what is left)
 *   V_TILES(X)             X(rows, units) for every tile that these give
 *   V_MAX_SUMS, V_MAX_LOADS  vectors of sums and of B in the largest tile
 * A tile keeps rows x units x V_UNIT sums in registers, walks k once, and writes. Every sum is its own lane:
 * order and rounding are the reference's. */
#include <math.h>
#include <string.h>

#include "kernels/f32_gemm/f32_gemm.h"

#ifndef V_LINKAGE
#define V_LINKAGE
#endif
#ifndef V_MUL_ADD
#define V_MUL_ADD(sum, a, b) V_ADD(sum, V_MUL(a, b)) /* two roundings: the reference's bytes */
#endif
#ifdef V_LOAD_B
#define V_UNIT        V_LANES
#define V_B(b, panel) V_LOAD_B(b, panel)
#else
#define V_UNIT        PARE_F32_NR
#define V_B(b, panel) V_LOAD(b)
#endif
#define V_PER_UNIT        (V_UNIT / V_LANES)
#define V_PANELS_PER_UNIT (V_UNIT / PARE_F32_NR)
#ifdef __clang__
#define V_UNROLL    _Pragma("clang loop unroll(full)")
#define V_NO_UNROLL _Pragma("clang loop unroll(disable) vectorize(disable)")
#else
#define V_NO_UNROLL
#define V_UNROLL _Pragma("GCC unroll 32")
#endif

/* Rows of n floats; no call for each, which in WebAssembly would cost more than the copy. */
static __attribute__((noinline)) void copy_rows(float *to, int64_t to_row, const float *from,
                                                int64_t from_row, int rows, int64_t n) {
  V_NO_UNROLL for (int r = 0; r < rows; r++, to += to_row, from += from_row) {
    int64_t i = 0;
    V_NO_UNROLL for (; i + 4 <= n; i += 4) memcpy(to + i, from + i, 4 * sizeof(float));
    if (n & 2) memcpy(to + i, from + i, 2 * sizeof(float));
    if (n & 1) memcpy(to + n - 1, from + n - 1, sizeof(float));
  }
}

/* Hides where a pointer comes from: clang would make memory copies and fills of loops over whole vectors, and
 * keep the sums in memory for their sake. */
PARE_INLINE float *hidden(const float *p) {
  __asm__("" : "+r"(p));
  return (float *)p;
}

/* What the tiles of some columns share: read again and again, so prepared once. Lengths in floats. */
typedef struct tile_job {
  const float *b;
  ptrdiff_t b_panel, k, k_run, a_column, a_jump, c_row;
  const float *column_bias; /* or NULL */
  float clamp_low, clamp_high;
  bool accumulate;
} tile_job;

/* The sums to go on from, or zeros. (One loop over all, not one in another: clang unrolls it early enough.) */
PARE_INLINE void tile_begin(const tile_job *job, const float *c, int rows, int vectors, V *sum) {
  static const float zeros[V_LANES] = {0};
  const V zero = V_LOAD(hidden(zeros));
  V_UNROLL for (int j = 0; j < rows * vectors; j++) {
    const ptrdiff_t at = j / vectors * job->c_row + j % vectors * V_LANES;
    sum[j] = job->accumulate ? V_LOAD(hidden(c + at)) : zero;
  }
}

/* Bias, what is added, clamp, store. */
PARE_INLINE void tile_end(const tile_job *job, float *c, const float *add, const float *row_bias, int rows,
                          int vectors, V *sum) {
  const V low = V_SPLAT(job->clamp_low), high = V_SPLAT(job->clamp_high);
  if (row_bias) {
    V_UNROLL for (int j = 0; j < rows * vectors; j++) {
      sum[j] = V_ADD(sum[j], V_SPLAT(row_bias[j / vectors]));
    }
  }
  if (job->column_bias) {
    V_UNROLL for (int j = 0; j < rows * vectors; j++) {
      sum[j] = V_ADD(sum[j], V_LOAD(job->column_bias + j % vectors * V_LANES));
    }
  }
  if (add) {
    V_UNROLL for (int j = 0; j < rows * vectors; j++) {
      sum[j] = V_ADD(sum[j], V_LOAD(add + j / vectors * job->c_row + j % vectors * V_LANES));
    }
  }
  V_UNROLL for (int j = 0; j < rows * vectors; j++) {
    float *to = hidden(c + j / vectors * job->c_row + j % vectors * V_LANES);
    V_STORE(to, V_MIN(V_MAX(sum[j], low), high));
  }
}

/* `a` [rows]: where each row of A starts; `c`, `add` (or NULL): the tile's first element; `row_bias`: its rows', or
 * NULL. The innermost loop counts nothing but where it stands in A and B. */
PARE_INLINE void tile(const tile_job *job, const float *const *a, float *c, const float *add,
                      const float *row_bias, int rows, int units) {
  const int vectors = units * V_PER_UNIT;
  V sum[V_MAX_SUMS];
  ptrdiff_t below[V_ROWS];
  V_UNROLL for (int r = 0; r < rows; r++) {
    below[r] = a[r] - a[0];
  }
  tile_begin(job, c, rows, vectors, sum);
  const ptrdiff_t a_column = job->a_column, b_panel = job->b_panel;
  const float *b = job->b, *at = a[0];
  for (ptrdiff_t left = job->k; left > 0; at += job->a_jump) {
    const ptrdiff_t n = left < job->k_run ? left : job->k_run;
    left -= n;
    for (const float *end = at + n * a_column; at != end; at += a_column, b += PARE_F32_NR) {
      V x[V_MAX_LOADS];
      V_UNROLL for (int i = 0; i < vectors; i++) {
        x[i] = V_B(b + i / V_PER_UNIT * V_PANELS_PER_UNIT * b_panel + i % V_PER_UNIT * V_LANES, b_panel);
      }
      V_UNROLL for (int r = 0; r < rows; r++) {
        const V w = V_SPLAT(at[below[r]]);
        V_UNROLL for (int i = 0; i < vectors; i++) {
          sum[r * vectors + i] = V_MUL_ADD(sum[r * vectors + i], w, x[i]);
        }
      }
    }
  }
  tile_end(job, c, add, row_bias, rows, vectors, sum);
}

/* One row by V_ROW_SUMS whole vectors. Named, because an array of so many in a row is kept in memory by clang. */
#define V_ROW_UNITS (V_ROW_SUMS / V_PER_UNIT)
#define V_ROW_STEPS 4

PARE_INLINE void tile_row(const tile_job *job, const float *const *rows, float *c, const float *add,
                          const float *row_bias) {
  const ptrdiff_t b_panel = job->b_panel, a_column = job->a_column;
  const float *a = *rows;
  const float
      *b[8]; /* a pointer each: in WebAssembly an addition for each load would cost as much as the load */
#define V_BEGIN(i)                                                                                           \
  if (i % V_PER_UNIT == 0) b[i] = hidden(job->b + i / V_PER_UNIT * V_PANELS_PER_UNIT * b_panel);             \
  V s##i = job->accumulate ? V_LOAD(c + i * V_LANES) : V_SPLAT(0.0f);
  V_ROW(V_BEGIN)
#undef V_BEGIN
  for (ptrdiff_t left = job->k; left > 0; a += job->a_jump) {
    const ptrdiff_t n = left < job->k_run ? left : job->k_run;
    left -= n;
    /* Several steps of k a turn. Each could be the last: the question costs less than a loop for what is left
     * over, and older V8s, which load all that a block of code wants before they calculate, would otherwise run
     * out of registers. */
    const float *end = a + n * a_column;
    ptrdiff_t over = 0;
    while (a != end) {
#define V_STEP(i)                                                                                            \
  s##i = V_MUL_ADD(                                                                                          \
      s##i, w,                                                                                               \
      V_B(b[i / V_PER_UNIT * V_PER_UNIT] + step * PARE_F32_NR + i % V_PER_UNIT * V_LANES, b_panel));
      V_UNROLL for (int step = 0; step < V_ROW_STEPS; step++) {
        const V w = V_SPLAT(*a);
        V_ROW(V_STEP)
        a = hidden(a + a_column);
        if (a == end && step + 1 < V_ROW_STEPS) {
          over = (step + 1) * PARE_F32_NR;
          break;
        }
      }
#undef V_STEP
      if (over) break;
#define V_MOVE(i)                                                                                            \
  if (i % V_PER_UNIT == 0) b[i] = hidden(b[i] + V_ROW_STEPS * PARE_F32_NR);
      V_ROW(V_MOVE)
#undef V_MOVE
    }
#define V_MOVE(i)                                                                                            \
  if (i % V_PER_UNIT == 0) b[i] += over;
    V_ROW(V_MOVE)
#undef V_MOVE
  }
#define V_SUM(i) s##i,
  V sum[V_ROW_SUMS] = {V_ROW(V_SUM)};
#undef V_SUM
  tile_end(job, c, add, row_bias, 1, V_ROW_SUMS, sum);
}

/* The columns [i_column, i_column + columns), `n` of which are there. */
static __attribute__((noinline)) tile_job job_of(const pare_f32_gemm_args *args, int64_t i_column) {
  const int64_t b_panel = args->b_panel ? args->b_panel : args->k * PARE_F32_NR;
  return (tile_job){.b = args->b + i_column / PARE_F32_NR * b_panel,
                    .b_panel = (ptrdiff_t)b_panel,
                    .k = (ptrdiff_t)args->k,
                    .k_run = (ptrdiff_t)(args->k_run ? args->k_run : args->k),
                    .a_column = (ptrdiff_t)args->a_column,
                    .a_jump = (ptrdiff_t)args->a_jump,
                    .c_row = (ptrdiff_t)args->c_row,
                    .column_bias = args->column_bias ? args->column_bias + i_column : NULL,
                    .clamp_low = args->clamp_low,
                    .clamp_high = args->clamp_high,
                    .accumulate = args->accumulate};
}

/* Rows [i_row, i_end), `rows` at a time, of the columns from i_column on. A tile with missing columns works on
 * copies. */
PARE_INLINE void run_column(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_end, int64_t i_column,
                            int rows, int units, bool is_row) {
  const int columns = units * V_UNIT;
  const int64_t n = args->n - i_column;
  const bool whole = n >= columns;
  float part[2 * V_MAX_SUMS * V_LANES], bias[V_MAX_LOADS * V_LANES];
  tile_job job = job_of(args, i_column);
  if (!whole) job.c_row = columns;
  if (!whole && job.column_bias) {
    copy_rows(bias, columns, job.column_bias, 0, 1, n);
    job.column_bias = bias;
  }
  for (int64_t i = i_row; i < i_end; i += rows) {
    const float *a[V_ROWS];
    V_UNROLL for (int r = 0; r < rows; r++) {
      a[r] = args->a + (args->a_offsets ? args->a_offsets[i + r] : (i + r) * args->a_row);
    }
    const int64_t at = i * args->c_row + i_column;
    float *c = args->c + at;
    const float *add = args->add ? args->add + at : NULL,
                *row_bias = args->row_bias ? args->row_bias + i : NULL;
    if (is_row) {
      tile_row(&job, a, c, add, row_bias);
      continue;
    }
    if (!whole) {
      if (job.accumulate) copy_rows(part, columns, c, args->c_row, rows, n);
      if (add) copy_rows(part + rows * columns, columns, add, args->c_row, rows, n);
      c = part;
      if (add) add = part + rows * columns;
    }
    tile(&job, a, c, add, row_bias, rows, units);
    if (!whole) copy_rows(args->c + at, args->c_row, part, columns, rows, n);
  }
}

/* One function per tile shape, so that each gets its own register allocation. */
#define V_TILE(rows, units)                                                                                  \
  static __attribute__((noinline)) void column_##rows##_##units(                                             \
      const pare_f32_gemm_args *args, int64_t i_row, int64_t i_end, int64_t i_column) {                      \
    run_column(args, i_row, i_end, i_column, rows, units, false);                                            \
  }
V_TILES(V_TILE)
#undef V_TILE
static __attribute__((noinline)) void column_row(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_end,
                                                 int64_t i_column) {
  run_column(args, i_row, i_end, i_column, 1, V_ROW_UNITS, true);
}

/* Rows [i_row, i_end), `rows` at a time, by `units` units from i_unit on. */
static void run_tiles(const pare_f32_gemm_args *args, int64_t i_row, int64_t i_end, int64_t rows,
                      int64_t i_unit, int64_t units) {
  for (int64_t u = 0; u < units && i_row < i_end;) {
    const int64_t i_column = (i_unit + u) * V_UNIT, n = args->n - i_column;
    int64_t now = V_UNITS(rows, units - u);
    if (rows == 1 && now == V_ROW_UNITS) {
      if (n >= V_ROW_UNITS * V_UNIT) {
        column_row(args, i_row, i_end, i_column);
        u += now;
        continue;
      }
      now /= 2;
    }
#define V_TILE(r, u)                                                                                         \
  if (rows == r && now == u) column_##r##_##u(args, i_row, i_end, i_column);
    V_TILES(V_TILE)
#undef V_TILE
    u += now;
  }
}

/* Columns stand outside, so that B's stay in the nearest cache. Rows are dealt out evenly (7 are 4 + 3 and not
 * 6 + 1): some tiles of one more row, then the others. */
static void run_rows(const pare_f32_gemm_args *args, int64_t i_first, int64_t n_rows) {
  const int64_t n_units = (args->n + V_UNIT - 1) / V_UNIT;
  if (n_rows <= 0) return;
  for (int64_t i = 0; i < n_units;) {
    const int64_t most = V_ROWS_OF(n_units - i), n_blocks = (n_rows + most - 1) / most;
    const int64_t rows = n_rows / n_blocks, n_larger = n_rows % n_blocks, split = n_larger * (rows + 1);
    const int64_t units = V_UNITS(rows + (n_larger > 0), n_units - i);
    run_tiles(args, i_first, i_first + split, rows + 1, i, units);
    run_tiles(args, i_first + split, i_first + n_rows, rows, i, units);
    i += units;
  }
}

V_LINKAGE void V_NAME(const pare_f32_gemm_args *args);

V_LINKAGE void V_NAME(const pare_f32_gemm_args *args) {
  const int64_t whole = V_EVEN ? args->m : args->m / V_ROWS * V_ROWS;
  run_rows(args, 0, whole);
  run_rows(args, whole, args->m - whole); /* fewer rows by more panels */
}
