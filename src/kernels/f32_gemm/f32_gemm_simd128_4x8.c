/* f32_gemm.h in Wasm SIMD: 4 lanes, 4 rows by one panel of 8 columns. Measured in V8: 4x8 reaches the ceiling;
 * 5x8, 3x16 and 1x32 spill registers there and halve that. Four rows of A are turned first, [k][4], and then
 * meet all panels: an address in V8 is a base, an index and a displacement, so that four rows cost an addition
 * for each element, and one row of four none. Three rows where four do not go into what there is. One or two
 * panels do not pay for the turning. What is left is taken row by row, by three panels (1x24), so that six sums
 * are under way. */
#include "kernels/simd.h"

#define V                   v128_t
#define V_LANES             4
#define V_LOAD(p)           wasm_v128_load(p)
#define V_STORE(p, v)       wasm_v128_store(p, v)
#define V_SPLAT(x)          wasm_f32x4_splat(x)
#define V_ADD(a, b)         wasm_f32x4_add(a, b)
#define V_MUL(a, b)         wasm_f32x4_mul(a, b)
#define V_MAX(v, low)       wasm_f32x4_pmax(v, low)
#define V_MIN(v, high)      wasm_f32x4_pmin(v, high)
#define V_NAME              by_rows
#define V_LINKAGE           static
#define V_ROWS              4
#define V_ROWS_OF(left)     4
#define V_MAX_SUMS          8
#define V_MAX_LOADS         4
#define V_ROW_SUMS          6
#define V_ROW(X)            X(0) X(1) X(2) X(3) X(4) X(5)
#define V_EVEN              0
#define V_UNITS(rows, left) ((rows) > 1 ? 1 : (left) < 3 ? (left) : 3)
#define V_TILES(X)          X(1, 1) X(1, 2) X(4, 1)

#include "kernels/f32_gemm/f32_gemm_tiles.h"

#define K_BLOCK  1024         /* terms of four rows that stay in the nearest cache: 16 KiB */
#define B_FLOATS (128 * 1024) /* of B, that stay in the second */

/* Terms [k, k + n) of the rows [i_row, i_row + rows), turned: [n][rows]. Four are written where fewer are
 * wanted: the next ones go over what is too much. */
static __attribute__((noinline)) void turn(const pare_f32_gemm_args *args, int64_t i_row, int rows, int64_t k,
                                           int64_t n, float *to) {
  const ptrdiff_t k_run = (ptrdiff_t)(args->k_run ? args->k_run : args->k);
  const ptrdiff_t a_column = (ptrdiff_t)args->a_column;
  const float *a[V_ROWS];
  V_UNROLL for (int r = 0; r < V_ROWS; r++) {
    const int64_t i = i_row + (r < rows ? r : 0);
    a[r] = args->a + (args->a_offsets ? args->a_offsets[i] : i * args->a_row);
  }
  /* A transposed, or an image of one channel: what the rows have of a column are neighbours */
  const bool slides = a[1] - a[0] == 1 && a[2] - a[0] == 2 && a[3] - a[0] == 3;
  ptrdiff_t at = 0, run = k_run;
  if (k > 0) {
    at = (ptrdiff_t)(k * a_column + k / k_run * args->a_jump);
    run -= (ptrdiff_t)k % k_run;
  }
  for (ptrdiff_t left = (ptrdiff_t)n; left > 0; run = k_run, at += (ptrdiff_t)args->a_jump) {
    if (run > left) run = left;
    left -= run;
    V_NO_UNROLL for (; slides && run > 0; run--, at += a_column, to += V_ROWS)
        wasm_v128_store(to, wasm_v128_load(a[0] + at));
    V_NO_UNROLL for (; a_column == 1 && run >= 4; run -= 4, at += 4) {
      v128_t v[4];
      V_UNROLL for (int r = 0; r < 4; r++) v[r] = wasm_v128_load(a[r] + at);
      pare_turn_4x4(v);
      V_UNROLL for (int r = 0; r < 4; r++, to += rows) wasm_v128_store(to, v[r]);
    }
    V_NO_UNROLL for (; run > 0; run--, at += a_column, to += rows) V_UNROLL for (int r = 0; r < 4; r++)
        to[r] = a[r][at];
  }
}

/* Some rows, `turned`, by n panels. While a tile walks k nothing else is kept in registers: what it needs
 * afterwards is read from `job` then. */
PARE_INLINE void run_panels(const tile_job *job, const float *turned, float *c, const float *add,
                            const float *row_bias, int64_t n, int rows) {
  static const float zeros[4] = {0};
  const float *panel = job->b;
  ptrdiff_t at = 0;
  for (ptrdiff_t left = (ptrdiff_t)n; left > 0; left--) {
    v128_t s[2 * V_ROWS];
    if (job->accumulate) {
      const float *from = c + at;
      V_UNROLL for (int j = 0; j < 2 * rows; j++) {
        s[j] = wasm_v128_load(from + j % 2 * 4);
        if (j % 2) from = hidden(from + job->c_row);
      }
    } else {
      V_UNROLL for (int j = 0; j < 2 * rows; j++) s[j] = wasm_v128_load(zeros);
    }
    const float *b = panel, *a = turned;
    for (const float *end = b + job->k * PARE_F32_NR; b != end; a += rows, b += PARE_F32_NR) {
      const v128_t x0 = wasm_v128_load(b), x1 = wasm_v128_load(b + 4);
      V_UNROLL for (int r = 0; r < rows; r++) {
        const v128_t w = wasm_v128_load32_splat(a + r);
        s[2 * r] = wasm_f32x4_add(s[2 * r], wasm_f32x4_mul(w, x0));
        s[2 * r + 1] = wasm_f32x4_add(s[2 * r + 1], wasm_f32x4_mul(w, x1));
      }
    }
    if (row_bias) {
      V_UNROLL for (int j = 0; j < 2 * rows; j++) s[j] =
          wasm_f32x4_add(s[j], wasm_v128_load32_splat(row_bias + j / 2));
    }
    if (job->column_bias) {
      V_UNROLL for (int j = 0; j < 2 * rows; j++) s[j] =
          wasm_f32x4_add(s[j], wasm_v128_load(job->column_bias + at + j % 2 * 4));
    }
    if (add) {
      const float *from = add + at;
      V_UNROLL for (int j = 0; j < 2 * rows; j++) {
        s[j] = wasm_f32x4_add(s[j], wasm_v128_load(from + j % 2 * 4));
        if (j % 2) from = hidden(from + job->c_row);
      }
    }
    const v128_t low = wasm_v128_load32_splat(&job->clamp_low),
                 high = wasm_v128_load32_splat(&job->clamp_high);
    float *to = c + at;
    V_UNROLL for (int j = 0; j < 2 * rows; j++) {
      wasm_v128_store(to + j % 2 * 4, wasm_f32x4_pmin(wasm_f32x4_pmax(s[j], low), high));
      if (j % 2) to = hidden(to + job->c_row);
    }
    at += PARE_F32_NR;
    panel += job->b_panel;
  }
}
#define PANELS(rows)                                                                                         \
  static __attribute__((noinline)) void panels_##rows(const tile_job *job, const float *turned, float *c,    \
                                                      const float *add, const float *row_bias, int64_t n) {  \
    run_panels(job, turned, c, add, row_bias, n, rows);                                                      \
  }
PANELS(3)
PANELS(4)
#undef PANELS

typedef void (*panels_fn)(const tile_job *, const float *, float *, const float *, const float *, int64_t);

/* The last panel where it is not whole: on copies, as in run_column. */
static __attribute__((noinline)) void run_part(panels_fn run, tile_job job, const float *turned, float *c,
                                               const float *add, const float *row_bias, int rows, int64_t n) {
  float part[2 * V_ROWS * PARE_F32_NR], *added = part + V_ROWS * PARE_F32_NR;
  const ptrdiff_t c_row = job.c_row;
  job.c_row = PARE_F32_NR;
  if (job.accumulate) copy_rows(part, PARE_F32_NR, c, c_row, rows, n);
  if (add) copy_rows(added, PARE_F32_NR, add, c_row, rows, n);
  run(&job, turned, part, add ? added : NULL, row_bias, 1);
  copy_rows(c, c_row, part, PARE_F32_NR, rows, n);
}

/* All rows by the columns [first, end), terms [k, k + args->k) of `all`: the other things that `args` has are
 * for these terms already. */
static void run_columns(const pare_f32_gemm_args *args, const pare_f32_gemm_args *all, int64_t k,
                        int64_t first, int64_t end) {
  float turned[(K_BLOCK + 1) * V_ROWS], bias[PARE_F32_NR];
  const int64_t whole = end / PARE_F32_NR * PARE_F32_NR, n = end - whole;
  const tile_job job = job_of(args, first);
  tile_job last = job_of(args, whole);
  if (n > 0 && last.column_bias) {
    copy_rows(bias, PARE_F32_NR, last.column_bias, 0, 1, n);
    last.column_bias = bias;
  }
  for (int64_t i = 0, rows; i < args->m; i += rows) {
    rows = (args->m - i) % V_ROWS ? 3 : V_ROWS;
    const panels_fn run = rows == V_ROWS ? panels_4 : panels_3;
    float *c = args->c + i * args->c_row;
    const float *add = args->add ? args->add + i * args->c_row : NULL,
                *row_bias = args->row_bias ? args->row_bias + i : NULL;
    turn(all, i, (int)rows, k, args->k, turned);
    run(&job, turned, c + first, add ? add + first : NULL, row_bias, (whole - first) / PARE_F32_NR);
    if (n > 0) run_part(run, last, turned, c + whole, add ? add + whole : NULL, row_bias, (int)rows, n);
  }
}

/* The product in pieces of k and n for the caches. */
static void run_turned(const pare_f32_gemm_args *args) {
  pare_f32_gemm_args piece = *args;
  piece.b_panel = args->b_panel ? args->b_panel : args->k * PARE_F32_NR;
  for (int64_t k = 0; k == 0 || k < args->k; k += K_BLOCK) {
    const bool last = args->k - k <= K_BLOCK;
    piece.k = last ? args->k - k : K_BLOCK;
    piece.row_bias = last ? args->row_bias : NULL;
    piece.column_bias = last ? args->column_bias : NULL;
    piece.add = last ? args->add : NULL;
    piece.clamp_low = last ? args->clamp_low : -INFINITY;
    piece.clamp_high = last ? args->clamp_high : INFINITY;
    const int64_t step = B_FLOATS / ((piece.k + 1) * PARE_F32_NR) * PARE_F32_NR;
    for (int64_t i = 0; i < args->n; i += step)
      run_columns(&piece, args, k, i, args->n - i < step ? args->n : i + step);
    piece.b += K_BLOCK * PARE_F32_NR;
    piece.accumulate = true;
  }
}

static pare_f32_gemm_args rows_of(const pare_f32_gemm_args *args, int64_t i_row, int64_t rows) {
  pare_f32_gemm_args some = *args;
  some.m = rows;
  if (args->a_offsets)
    some.a_offsets += i_row;
  else
    some.a += i_row * args->a_row;
  some.c += i_row * args->c_row;
  if (args->add) some.add += i_row * args->c_row;
  if (args->row_bias) some.row_bias += i_row;
  return some;
}

void pare_f32_gemm__simd128_4x8(const pare_f32_gemm_args *args);

void pare_f32_gemm__simd128_4x8(const pare_f32_gemm_args *args) {
  if (args->m == 1) { /* an LSTM has many, and small ones */
    by_rows(args);
    return;
  }
  const bool turns = args->n > 2 * PARE_F32_NR;
  /* threes and fours make everything but 2 and 5 */
  const int64_t left = !turns ? args->m % V_ROWS : args->m == 2 ? 2 : args->m == 5 ? 1 : 0;
  const pare_f32_gemm_args most = rows_of(args, 0, args->m - left);
  if (most.m > 0) (turns ? run_turned : by_rows)(&most);
  for (int64_t i = most.m; i < args->m; i++) {
    const pare_f32_gemm_args row = rows_of(args, i, 1);
    by_rows(&row);
  }
}
