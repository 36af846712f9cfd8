/* The table of variants, the rule when they are used, and packing. */
#include "kernels/f32_spmv/f32_spmv.h"
#include "kernels/cpu.h"

#include <stdlib.h>
#include <string.h>

#define PARE_F32_SPMV(suffix, isa, lanes, turn, block, rank)                                                 \
  void pare_f32_spmv__##suffix(const pare_f32_spmv_args *args);
#include "kernels/f32_spmv/f32_spmv.def"
#undef PARE_F32_SPMV

static const pare_f32_spmv_kernel kernels[] = {
#define PARE_F32_SPMV(suffix, isa, lanes, turn, block, rank)                                                 \
  {"pare_f32_spmv__" #suffix, pare_f32_spmv__##suffix, lanes, turn, block, rank},
#include "kernels/f32_spmv/f32_spmv.def"
#undef PARE_F32_SPMV
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_SPMV(suffix, isa, lanes, turn, block, rank)                                                 \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/f32_spmv/f32_spmv.def"
#undef PARE_F32_SPMV
  return false;
}

int pare_f32_spmv_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_spmv_kernel *pare_f32_spmv_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

const pare_f32_spmv_kernel *pare_f32_spmv_select(void) {
  const pare_f32_spmv_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    if (kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  }
  return best;
}

#define MOST_VECTORS  2 /* more share the dense form's loads of weights */
#define LEAST_WEIGHTS 4096
#define BREAK_EVEN    0.2 /* of the weights: 0.22 to 0.3 without AVX-512 and in V8, more with it */

bool pare_f32_spmv_wins(int64_t n_nonzeros, int64_t m, int64_t k, int64_t n) {
  return n <= MOST_VECTORS && k <= PARE_F32_SPMV_MAX_K && m * k >= LEAST_WEIGHTS &&
         (double)n_nonzeros <= BREAK_EVEN * (double)m * (double)k;
}

typedef struct packing {
  const float *a;
  int64_t a_row, a_column;
  bool cut; /* columns, into blocks */
  int turn;
  pare_f32_spmv *out;
  pare_f32_spmv_word *words; /* what out has, to be written; NULL all of them: steps are only counted */
  float *values;
  uint16_t *columns;
} packing;

/* Columns of `row` in block b that are not zero, into `columns`; how many. */
static int64_t columns_of(const packing *p, int64_t row, int64_t b, uint16_t *columns) {
  const int64_t first = b * p->out->block, left = p->out->k - first,
                end = first + (left < p->out->block ? left : p->out->block);
  int64_t n = 0;
  for (int64_t k = first; k < end; k++)
    if (p->a[row * p->a_row + k * p->a_column] != 0.0f) columns[n++] = (uint16_t)k;
  return n;
}

typedef struct counted {
  int64_t n;
  int32_t row;
} counted;

static int compare_counts(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->n != y->n) return x->n < y->n ? 1 : -1;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* Rows by their number of non-zeros, the most first; sets `order` [n_groups * lanes]. */
static pare_status order_rows(const packing *p, pare_arena *arena, uint16_t *columns, int32_t *order) {
  const pare_f32_spmv *out = p->out;
  counted *rows = pare_alloc_array(arena->ctx, (size_t)out->m, sizeof *rows);
  if (!rows) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < out->m; i++) {
    rows[i] = (counted){0, (int32_t)i};
    for (int64_t b = 0; b < out->n_blocks; b++) rows[i].n += columns_of(p, i, b, columns);
  }
  qsort(rows, (size_t)out->m, sizeof *rows, compare_counts);
  for (int64_t i = 0; i < out->n_groups * out->lanes; i++) order[i] = i < out->m ? rows[i].row : -1;
  pare_free(arena->ctx, rows);
  return PARE_OK;
}

static void set_step(const packing *p, int64_t step, int64_t lane, float value, int64_t column) {
  const pare_f32_spmv *out = p->out;
  if (p->cut) {
    p->values[step * out->lanes + lane] = value;
    p->columns[step * out->lanes + lane] = (uint16_t)column;
    return;
  }
  pare_f32_spmv_word *word = p->words + 2 * step * out->lanes + lane;
  word[0].value = value;
  word[out->lanes].place = (uint32_t)((uintptr_t)(out->x + column) - pare_f32_spmv_base(out));
}

/* The steps of block b of a group, from `step` on; how many, filled up to whole turns. `columns` holds those of a block. */
static int64_t pack_block(const packing *p, const int32_t *rows, int64_t b, int64_t step, uint16_t *columns) {
  const pare_f32_spmv *out = p->out;
  int64_t n_steps = 0;
  for (int64_t lane = 0; lane < out->lanes; lane++) {
    if (rows[lane] < 0) continue;
    const int64_t n = columns_of(p, rows[lane], b, columns);
    for (int64_t i = 0; i < n && (p->words || p->values); i++)
      set_step(p, step + i, lane, p->a[rows[lane] * p->a_row + columns[i] * p->a_column], columns[i]);
    if (n > n_steps) n_steps = n;
  }
  return (n_steps + p->turn - 1) / p->turn * p->turn;
}

/* Room for so many steps, with nothing in them. */
static pare_status alloc_steps(packing *p, pare_arena *arena, int64_t n_steps) {
  pare_f32_spmv *out = p->out;
  const size_t n_slots = (size_t)(n_steps * out->lanes);
  if (p->cut) {
    out->values = p->values = pare_arena_array(arena, n_slots, sizeof *p->values);
    out->columns = p->columns = pare_arena_array(arena, n_slots, sizeof *p->columns);
    if (!p->values || !p->columns) return PARE_OUT_OF_MEMORY;
  } else {
    out->words = p->words = pare_arena_array(arena, n_slots, 2 * sizeof *p->words);
    if (!p->words) return PARE_OUT_OF_MEMORY;
  }
  for (int64_t step = 0; step < n_steps; step++)
    for (int64_t lane = 0; lane < out->lanes; lane++) set_step(p, step, lane, 0.0f, out->k);
  return PARE_OK;
}

static pare_status pack(packing *p, pare_arena *arena, uint16_t *columns) {
  pare_f32_spmv *out = p->out;
  const size_t n_rows = (size_t)(out->n_groups * out->lanes);
  int32_t *order = pare_arena_array(arena, n_rows, sizeof(int32_t));
  int32_t *lane_of = pare_arena_array(arena, (size_t)out->m, sizeof(int32_t));
  int32_t *ends = pare_arena_array(arena, (size_t)(out->n_groups * out->n_blocks), sizeof(int32_t));
  out->sums = pare_arena_array(arena, n_rows, sizeof(float));
  out->x = pare_arena_array(arena, (size_t)out->k + 1, sizeof(float));
  if (!order || !lane_of || !ends || !out->sums || !out->x) return PARE_OUT_OF_MEMORY;
  PARE_TRY(order_rows(p, arena, columns, order));
  for (size_t i = 0; i < n_rows; i++)
    if (order[i] >= 0) lane_of[order[i]] = (int32_t)i;
  int64_t n_steps = 0;
  for (int64_t i = 0; i < out->n_groups * out->n_blocks; i++) {
    n_steps += pack_block(p, order + i / out->n_blocks * out->lanes, i % out->n_blocks, 0, columns);
    if (n_steps > INT32_MAX)
      return pare_fail(arena->ctx, PARE_UNSUPPORTED, "a matrix of more than 2^31 steps");
    ends[i] = (int32_t)n_steps;
  }
  PARE_TRY(alloc_steps(p, arena, n_steps));
  for (int64_t i = 0; i < out->n_groups * out->n_blocks; i++) {
    pack_block(p, order + i / out->n_blocks * out->lanes, i % out->n_blocks, i > 0 ? ends[i - 1] : 0,
               columns);
  }
  out->lane_of = lane_of;
  out->ends = ends;
  return PARE_OK;
}

pare_status pare_f32_spmv_pack(pare_arena *arena, const pare_f32_spmv_kernel *kernel, const float *a,
                               int64_t a_row, int64_t a_column, int64_t m, int64_t k, pare_f32_spmv *out) {
  *out = (pare_f32_spmv){.m = m, .k = k, .lanes = kernel->lanes};
  out->n_groups = (m + out->lanes - 1) / out->lanes;
  out->block = kernel->block ? kernel->block : k > 0 ? k : 1;
  out->n_blocks = (k + out->block - 1) / out->block;
  packing p = {.a = a,
               .a_row = a_row,
               .a_column = a_column,
               .cut = kernel->block > 0,
               .turn = kernel->turn,
               .out = out};
  uint16_t *columns = pare_alloc_array(arena->ctx, (size_t)k + 1, sizeof *columns);
  if (!columns) return PARE_OUT_OF_MEMORY;
  const pare_status status = pack(&p, arena, columns);
  pare_free(arena->ctx, columns);
  return status;
}
