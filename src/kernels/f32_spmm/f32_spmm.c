/* The table of sparse product variants, packing, the rule when they are used, and the call that cuts a product
 * into pieces for threads. */
#include "kernels/f32_spmm/f32_spmm.h"
#include "kernels/cpu.h"

#define PARE_F32_SPMM(suffix, isa, fast, rank) void pare_f32_spmm__##suffix(const pare_f32_spmm_args *args);
#include "kernels/f32_spmm/f32_spmm.def"
#undef PARE_F32_SPMM

static const pare_f32_spmm_kernel kernels[] = {
#define PARE_F32_SPMM(suffix, isa, fast, rank)                                                               \
  {"pare_f32_spmm__" #suffix, pare_f32_spmm__##suffix, fast, rank},
#include "kernels/f32_spmm/f32_spmm.def"
#undef PARE_F32_SPMM
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_SPMM(suffix, isa, fast, rank)                                                               \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/f32_spmm/f32_spmm.def"
#undef PARE_F32_SPMM
  return false;
}

int pare_f32_spmm_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_spmm_kernel *pare_f32_spmm_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

const pare_f32_spmm_kernel *pare_f32_spmm_select(pare_numerics numerics) {
  const pare_f32_spmm_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    const bool allowed = !kernels[i].fast || numerics == PARE_FAST;
    if (allowed && kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  }
  return best;
}

/* Fewer columns do not fill vectors. */
#define LEAST_COLUMNS 16
/* Share of the dense form's multiplies at which both take equally long, where the dense form is fastest: natively, channels last. Half
 * the weights gone (2:4) is not enough there: ResNet-8 took 1.1 times as long. */
#define BREAK_EVEN 0.35

bool pare_f32_spmm_wins(int64_t n_nonzeros, int64_t m, int64_t k, int64_t n, int64_t n_computed) {
  const double dense = (double)m * (double)k * (double)n;
  return n >= LEAST_COLUMNS && (double)n_nonzeros * (double)n_computed <= BREAK_EVEN * dense;
}

static int64_t count_nonzeros(const float *a, int64_t a_row, int64_t a_column, int64_t m, int64_t k) {
  int64_t n = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < k; j++) n += a[i * a_row + j * a_column] != 0.0f;
  return n;
}

pare_status pare_f32_sparse_pack(pare_arena *arena, const float *a, int64_t a_row, int64_t a_column,
                                 int64_t m, int64_t k, const int64_t *places, int64_t place_step,
                                 pare_f32_sparse *out) {
  const int64_t n = count_nonzeros(a, a_row, a_column, m, k);
  if (n > INT32_MAX)
    return pare_fail(arena->ctx, PARE_UNSUPPORTED, "more than 2^31 weights that are not zero");
  int32_t *ends = pare_arena_array(arena, (size_t)m, sizeof(int32_t));
  int32_t *at = pare_arena_array(arena, (size_t)n, sizeof(int32_t));
  float *values = pare_arena_array(arena, (size_t)n, sizeof(float));
  if (!ends || !at || !values) return PARE_OUT_OF_MEMORY;
  *out = (pare_f32_sparse){m, k, n, ends, at, values};
  int32_t n_done = 0;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < k; j++) {
      const float value = a[i * a_row + j * a_column];
      const int64_t place = places ? places[j] : j * place_step;
      if (value == 0.0f) continue;
      if (place > INT32_MAX)
        return pare_fail(arena->ctx, PARE_UNSUPPORTED, "a matrix of more than 2^31 floats");
      at[n_done] = (int32_t)place;
      values[n_done++] = value;
    }
    ends[i] = n_done;
  }
  return PARE_OK;
}

typedef struct pieces {
  const pare_f32_spmm_args *args;
  pare_f32_spmm_fn run;
  int64_t step; /* rows */
} pieces;

static void run_one(void *arg, int64_t i, int i_thread) {
  const pieces *all = arg;
  pare_f32_spmm_args piece = *all->args;
  const int64_t from = i * all->step;
  (void)i_thread;
  piece.m_first += from;
  piece.m = piece.m - from < all->step ? piece.m - from : all->step;
  piece.c += from * piece.c_row;
  if (piece.row_bias) piece.row_bias += from;
  all->run(&piece);
}

/* Below this many multiplies waking threads costs more than it brings. */
#define MACS_PER_THREAD 100000

void pare_f32_spmm(pare_pool *pool, pare_numerics numerics, const pare_f32_spmm_args *args) {
  const pare_f32_spmm_fn run = pare_f32_spmm_select(numerics)->run;
  int64_t n_pieces = pool ? pare_pool_threads(pool) : 1;
  const int64_t most = args->a->n_nonzeros * args->n / MACS_PER_THREAD + 1;
  if (n_pieces > most) n_pieces = most;
  if (n_pieces <= 1) {
    run(args);
    return;
  }
  pieces all = {args, run, (args->m + n_pieces - 1) / n_pieces};
  pare_parallel_for(pool, (args->m + all.step - 1) / all.step, run_one, &all);
}
