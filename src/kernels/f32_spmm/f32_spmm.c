/* The table of sparse product variants, packing, the rule when they are used, and the call that cuts a product
 * into pieces for threads. */
#include "kernels/f32_spmm/f32_spmm.h"
#include "kernels/cpu.h"

#define PARE_F32_SPMM(suffix, isa, fast, rank, columns)                                                      \
  void pare_f32_spmm__##suffix(const pare_f32_spmm_args *args);
#include "kernels/f32_spmm/f32_spmm.def"
#undef PARE_F32_SPMM

static const pare_f32_spmm_kernel kernels[] = {
#define PARE_F32_SPMM(suffix, isa, fast, rank, columns)                                                      \
  {"pare_f32_spmm__" #suffix, pare_f32_spmm__##suffix, fast, rank, columns},
#include "kernels/f32_spmm/f32_spmm.def"
#undef PARE_F32_SPMM
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_SPMM(suffix, isa, fast, rank, columns)                                                      \
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
/* Share of the dense form's multiplies up to which this is faster: measured break-evens are above it. */
#define BREAK_EVEN 0.6

bool pare_f32_spmm_wins(int64_t n_nonzeros, int64_t m, int64_t k, int64_t n, int64_t n_computed) {
  const double dense = (double)m * (double)k * (double)n;
  return n >= LEAST_COLUMNS && (double)n_nonzeros * (double)n_computed <= BREAK_EVEN * dense;
}

#define BLOCK_FLOATS   6144 /* of X: 24 KiB of a nearest cache of 32 */
#define LEAST_NONZEROS 16   /* of a row in a block: more than fetching and storing its sums costs */

int64_t pare_f32_spmm_block(int64_t columns, int64_t n, int64_t per_k, int64_t more) {
  const int64_t block = BLOCK_FLOATS / (per_k * (n < columns ? n : columns) + more);
  return block > 1 ? block : 1;
}

static int64_t count_nonzeros(const pare_f32_sparse_source *from) {
  int64_t n = 0;
  for (int64_t i = 0; i < from->m; i++)
    for (int64_t j = 0; j < from->k; j++) n += from->a[i * from->a_row + j * from->a_column] != 0.0f;
  return n;
}

/* The non-zeros of row i in columns [first, end), behind the n_done before. False: a place is too far away. */
static bool pack_row(const pare_f32_sparse_source *from, int64_t i, int64_t first, int64_t end,
                     int32_t *places, float *values, int64_t *n_done) {
  for (int64_t j = first; j < end; j++) {
    const float value = from->a[i * from->a_row + j * from->a_column];
    const int64_t place = from->places ? from->places[j] : j * from->place_step;
    if (value == 0.0f) continue;
    if (place > INT32_MAX / (int64_t)sizeof(float)) return false;
    places[*n_done] = (int32_t)(place * (int64_t)sizeof(float));
    values[(*n_done)++] = value;
  }
  return true;
}

pare_status pare_f32_sparse_pack(pare_arena *arena, const pare_f32_sparse_source *from,
                                 pare_f32_sparse *out) {
  const int64_t n = count_nonzeros(from), m = from->m, k = from->k;
  if (n > INT32_MAX)
    return pare_fail(arena->ctx, PARE_UNSUPPORTED, "more than 2^31 weights that are not zero");
  int64_t block = n > 0 ? k * m / n * LEAST_NONZEROS : k;
  if (block < from->block) block = from->block;
  const int64_t n_blocks = k > block ? (k + block - 1) / block : 1;
  int32_t *ends = pare_arena_array(arena, (size_t)(m * n_blocks), sizeof(int32_t));
  int32_t *places = pare_arena_array(arena, (size_t)n, sizeof(int32_t));
  float *values = pare_arena_array(arena, (size_t)n, sizeof(float));
  if (!ends || !places || !values) return PARE_OUT_OF_MEMORY;
  *out = (pare_f32_sparse){m, k, n, n_blocks, ends, places, values};
  int64_t n_done = 0;
  for (int64_t b = 0; b < n_blocks; b++) {
    const int64_t first = b * block, end = first + block < k ? first + block : k;
    for (int64_t i = 0; i < m; i++) {
      if (!pack_row(from, i, first, end, places, values, &n_done))
        return pare_fail(arena->ctx, PARE_UNSUPPORTED, "a matrix of 2^31 bytes and more");
      *ends++ = (int32_t)n_done;
    }
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
