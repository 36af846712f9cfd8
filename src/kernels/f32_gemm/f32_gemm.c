/* The table of f32 GEMM variants, packing, and the call that cuts a product into pieces for caches and
 * threads. */
#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/cpu.h"

#include <string.h>

#define PARE_F32_GEMM(suffix, isa, fast, rank) void pare_f32_gemm__##suffix(const pare_f32_gemm_args *args);
#include "kernels/f32_gemm/f32_gemm.def"
#undef PARE_F32_GEMM

static const pare_f32_gemm_kernel kernels[] = {
#define PARE_F32_GEMM(suffix, isa, fast, rank)                                                               \
  {"pare_f32_gemm__" #suffix, pare_f32_gemm__##suffix, fast, rank},
#include "kernels/f32_gemm/f32_gemm.def"
#undef PARE_F32_GEMM
};

/* Zen 4 works on 512 bits in two halves: its 256-bit variants are as fast, with less to wait for. */
#ifdef __x86_64__
static bool has_whole_512(void) {
  return !__builtin_cpu_is("amdfam19h");
}
#endif
#define RANK_ALWAYS(rank) rank
#define RANK_AVX2(rank)   rank
#define RANK_FMA(rank)    rank
#define RANK_AVX512(rank) (has_whole_512() ? (rank) : (rank)-25)

/* -1: not on this processor. */
static int rank_here(size_t i) {
  size_t at = 0;
#define PARE_F32_GEMM(suffix, isa, fast, rank)                                                               \
  if (i == at++) return CPU_HAS_##isa ? RANK_##isa(rank) : -1;
#include "kernels/f32_gemm/f32_gemm.def"
#undef PARE_F32_GEMM
  return -1;
}

static bool runs_here(size_t i) {
  return rank_here(i) >= 0;
}

int pare_f32_gemm_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_gemm_kernel *pare_f32_gemm_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

const pare_f32_gemm_kernel *pare_f32_gemm_select(pare_numerics numerics) {
  size_t best = 0;
  int best_rank = 0;
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    const int rank = rank_here(i);
    if ((kernels[i].fast && numerics != PARE_FAST) || rank <= best_rank) continue;
    best = i;
    best_rank = rank;
  }
  return &kernels[best];
}

size_t pare_f32_pack_len(int64_t k, int64_t n) {
  return (size_t)((n + PARE_F32_NR - 1) / PARE_F32_NR) * PARE_F32_NR * (size_t)k;
}

void pare_f32_pack_b(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t n, float *packed) {
  for (int64_t first = 0; first < n; first += PARE_F32_NR, packed += k * PARE_F32_NR) {
    const int64_t width = n - first < PARE_F32_NR ? n - first : PARE_F32_NR;
    const float *from = b + first * b_column;
    if (width < PARE_F32_NR) memset(packed, 0, (size_t)(k * PARE_F32_NR) * sizeof(float));
    if (b_column == 1 && width == PARE_F32_NR) {
      for (int64_t i = 0; i < k; i++)
        memcpy(packed + i * PARE_F32_NR, from + i * b_row, PARE_F32_NR * sizeof(float));
      continue;
    }
    for (int64_t i = 0; i < k; i++) {
      for (int64_t j = 0; j < width; j++) packed[i * PARE_F32_NR + j] = from[i * b_row + j * b_column];
    }
  }
}

/* k is cut so that two panels stay in the second cache; the sum goes on where it stopped. */
#define K_STEP 1024

static void run_pieces(pare_f32_gemm_fn run, const pare_f32_gemm_args *args) {
  pare_f32_gemm_args piece = *args;
  if (args->k <= K_STEP || args->k_run) {
    run(args);
    return;
  }
  if (!args->b_panel) piece.b_panel = args->k * PARE_F32_NR;
  for (int64_t k = 0; k < args->k; k += K_STEP) {
    const bool last = args->k - k <= K_STEP;
    piece.k = last ? args->k - k : K_STEP;
    piece.a = args->a + k * args->a_column;
    piece.b = args->b + k * PARE_F32_NR;
    piece.accumulate = args->accumulate || k > 0;
    piece.row_bias = last ? args->row_bias : NULL;
    piece.column_bias = last ? args->column_bias : NULL;
    piece.add = last ? args->add : NULL;
    piece.clamp_low = last ? args->clamp_low : -__builtin_inff();
    piece.clamp_high = last ? args->clamp_high : __builtin_inff();
    run(&piece);
  }
}

typedef struct pieces {
  const pare_f32_gemm_args *args;
  pare_f32_gemm_fn run;
  int64_t step; /* rows, or columns (a multiple of 8) */
  bool by_rows;
} pieces;

static void run_one(void *arg, int64_t i, int i_thread) {
  const pieces *all = arg;
  pare_f32_gemm_args piece = *all->args;
  const int64_t from = i * all->step;
  (void)i_thread;
  if (all->by_rows) {
    piece.m = piece.m - from < all->step ? piece.m - from : all->step;
    if (piece.a_offsets)
      piece.a_offsets += from;
    else
      piece.a += from * piece.a_row;
    piece.c += from * piece.c_row;
    if (piece.row_bias) piece.row_bias += from;
    if (piece.add) piece.add += from * piece.c_row;
  } else {
    piece.n = piece.n - from < all->step ? piece.n - from : all->step;
    piece.b += from / PARE_F32_NR * (piece.b_panel ? piece.b_panel : piece.k * PARE_F32_NR);
    piece.c += from;
    if (piece.column_bias) piece.column_bias += from;
    if (piece.add) piece.add += from;
  }
  run_pieces(all->run, &piece);
}

/* Below this many multiplies waking threads costs more than it brings. */
#define MACS_PER_THREAD 100000

void pare_f32_gemm(pare_pool *pool, pare_numerics numerics, const pare_f32_gemm_args *args) {
  const pare_f32_gemm_fn run = pare_f32_gemm_select(numerics)->run;
  int64_t n_pieces = pool ? pare_pool_threads(pool) : 1;
  const int64_t most = args->m * args->n * args->k / MACS_PER_THREAD + 1;
  if (n_pieces > most) n_pieces = most;
  if (n_pieces <= 1) {
    run_pieces(run, args);
    return;
  }
  const bool by_rows = args->m >= args->n;
  const int64_t length = by_rows ? args->m : args->n, unit = by_rows ? 1 : 2 * PARE_F32_NR;
  const int64_t units = (length + unit - 1) / unit;
  const int64_t step = (units + n_pieces - 1) / n_pieces * unit;
  pieces all = {args, run, step, by_rows};
  pare_parallel_for(pool, (length + step - 1) / step, run_one, &all);
}
