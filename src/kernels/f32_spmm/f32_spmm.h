/* f32 product of a sparse matrix and a dense one:
 *   C[m,n] = clamp( sum over the non-zeros of row m of value * X[place + n]  + row_bias[m] )
 * X is dense and contiguous along n: pixels of an image in a convolution, samples of a batch in a matrix
 * product, so that vectors lie along n and each non-zero is loaded once for a tile of them (Elsen et al. 2020,
 * "Fast Sparse ConvNets"; XNNPACK's SpMM). k is cut into blocks: all rows go through a block of X, which stays in the
 * nearest cache, before the next, and their sums wait in C.
 *
 * In exact numerics the sum runs over the non-zeros in ascending k with one rounding per multiply and one per
 * add. A product with a zero weight only ever adds a zero, so finite X gives the bytes of f32_gemm. Where X
 * is infinite or NaN the two differ: a zero weight makes a NaN of it there, and does not see it here. */
#ifndef PARE_F32_SPMM_H
#define PARE_F32_SPMM_H

#include "base/parallel.h"

/* [m, k] by blocks of k, in them by rows; lives in an arena. */
typedef struct pare_f32_sparse {
  int64_t m, k;
  int64_t n_nonzeros, n_blocks; /* one block at least */
  const int32_t
      *ends; /* [n_blocks][m]: the non-zeros of a row in a block end here, and begin where those before end */
  const int32_t *places; /* [n_nonzeros]: bytes from X to the row of X that it multiplies */
  const float *values;   /* [n_nonzeros] */
} pare_f32_sparse;

/* A[m,k] at a[m * a_row + k * a_column]; row k of X is at floats places[k], or k * place_step when that is NULL. */
typedef struct pare_f32_sparse_source {
  const float *a;
  int64_t a_row, a_column, m, k;
  const int64_t *places;
  int64_t place_step;
  int64_t block; /* columns of a block at least: pare_f32_spmm_block */
} pare_f32_sparse_source;

typedef struct pare_f32_spmm_args {
  const pare_f32_sparse *a;
  int64_t m_first, m; /* rows [m_first, m_first + m) of A */
  int64_t n;
  const float *x;
  float *c; /* C[m_first + i, n] at c[i * c_row + n] */
  int64_t c_row;
  const float *row_bias;       /* [m], of row m_first on, or NULL */
  float clamp_low, clamp_high; /* -INFINITY, INFINITY: none */
} pare_f32_spmm_args;

typedef void (*pare_f32_spmm_fn)(const pare_f32_spmm_args *args);

typedef struct pare_f32_spmm_kernel {
  const char *name;
  pare_f32_spmm_fn run;
  bool fast;   /* fused multiply-add: only with PARE_FAST */
  int rank;    /* the largest wins; 0 is the plain reference */
  int columns; /* of its widest tile */
} pare_f32_spmm_kernel;

int pare_f32_spmm_count(void); /* those that this processor runs */
const pare_f32_spmm_kernel *pare_f32_spmm_at(int i);
const pare_f32_spmm_kernel *pare_f32_spmm_select(pare_numerics numerics);

/* True when so many of m * k weights that are not zero run faster here than dense. Of the n columns that are
 * wanted, n_computed are computed (whole vectors, gaps between the rows of an image). One rule for every build,
 * from measured break-evens. */
bool pare_f32_spmm_wins(int64_t n_nonzeros, int64_t m, int64_t k, int64_t n, int64_t n_computed);
#define PARE_F32_SPMM_VECTORS 8 /* of the widest tile */
/* Floats of a cache line, on which rows of X should begin: vectors that lie across two cost twice. */
#define PARE_F32_SPMM_LINE 16
/* The first line in `memory`. */
static inline float *pare_f32_spmm_line(void *memory) {
  const uintptr_t line = PARE_F32_SPMM_LINE * sizeof(float);
  return (float *)(((uintptr_t)memory + line - 1) / line * line);
}
/* Floats from one row of X to the next, of `n`: whole lines, and an odd number of them, so that the lines under a tile
 * do not all fall into the same few sets of the cache. */
static inline int64_t pare_f32_spmm_pitch(int64_t n) {
  return ((n + PARE_F32_SPMM_LINE - 1) / PARE_F32_SPMM_LINE | 1) * PARE_F32_SPMM_LINE;
}
/* How many k a block has when a tile of c columns, n or the widest tile's, reads per_k * c + more floats of X for each. */
int64_t pare_f32_spmm_block(int64_t columns, int64_t n, int64_t per_k, int64_t more);
/* OUT_OF_MEMORY; UNSUPPORTED when a place does not fit 31 bits. */
pare_status pare_f32_sparse_pack(pare_arena *arena, const pare_f32_sparse_source *from, pare_f32_sparse *out);
/* Splits rows over the pool; the same bytes for any number of threads. */
void pare_f32_spmm(pare_pool *pool, pare_numerics numerics, const pare_f32_spmm_args *args);

#endif
