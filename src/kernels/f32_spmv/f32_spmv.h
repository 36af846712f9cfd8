/* f32 product of a sparse matrix and one vector: y[m] = clamp( sum over the non-zeros of row m of value * x[k] + bias[m] ).
 *
 * Vectors lie along rows. Rows are dealt into groups of as many as a vector has lanes, rows of about as many non-zeros
 * together; step s of a group holds the s-th non-zero of each of its rows, or nothing (index k) where a row has no more
 * (sliced ELLPACK: Monakov, Lokhmotov and Avetisyan 2010). A variant whose instructions pick from a table of x in
 * registers cuts columns into blocks of that table's size, and each block has its own steps.
 *
 * x lives with the matrix, so that a step can say where in memory its x is: a processor then has nothing to add for
 * each non-zero. A step takes 8 bytes a row (6 where columns are cut), which is 0.8 bytes a weight with 90 % zeros.
 *
 * In exact numerics every row adds its non-zeros in ascending k, with one rounding per multiply and one per add:
 * the bytes of f32_spmm.h, and for finite x those of f32_gemm.h. */
#ifndef PARE_F32_SPMV_H
#define PARE_F32_SPMV_H

#include "base/base.h"

#define PARE_F32_SPMV_MAX_K 65534 /* columns are 16 bits, and one more says "nothing" */

/* Of a step where columns are not cut: a value, or bytes from pare_f32_spmv_base to the x that it multiplies. */
typedef union pare_f32_spmv_word {
  float value;
  uint32_t place;
} pare_f32_spmv_word;

typedef struct pare_f32_spmv {
  int64_t m, k;
  int64_t lanes, n_groups;
  int64_t block, n_blocks; /* columns of a block */
  const int32_t
      *ends; /* [n_groups][n_blocks]: steps of block b end at ends[b], begin where the one before ends */
  const pare_f32_spmv_word *words; /* [steps][2][lanes]: values, then places; NULL when columns are cut */
  const float *values;             /* [steps][lanes] when they are */
  const uint16_t *columns;         /* [steps][lanes] when they are */
  const int32_t *lane_of;          /* [m]: where in sums a row is */
  float *sums;                     /* [n_groups][lanes]: while it runs */
  float *x;                        /* [k + 1]: the caller fills k of them, the last one stays 0 */
} pare_f32_spmv;

/* From where places count: x, or in WebAssembly, where a pointer has 32 bits, the start of memory. */
static inline uintptr_t pare_f32_spmv_base(const pare_f32_spmv *a) {
#ifdef __wasm32__
  (void)a;
  return 0;
#else
  return (uintptr_t)a->x;
#endif
}

typedef struct pare_f32_spmv_args {
  const pare_f32_spmv *a; /* and x in it */
  float *y;
  const float *bias;           /* [m] or NULL */
  float clamp_low, clamp_high; /* -INFINITY, INFINITY: none */
} pare_f32_spmv_args;

typedef struct pare_f32_spmv_kernel {
  const char *name;
  void (*run)(const pare_f32_spmv_args *args);
  int lanes, turn,
      block; /* the form it takes: a block has whole turns of so many steps; block 0: columns are not cut */
  int rank;  /* the largest wins; 0 is the plain reference, which takes any form */
} pare_f32_spmv_kernel;

int pare_f32_spmv_count(void); /* those that this processor runs */
const pare_f32_spmv_kernel *pare_f32_spmv_at(int i);
const pare_f32_spmv_kernel *pare_f32_spmv_select(void);

/* True when so many of m * k weights that are not zero run faster here than dense, for n vectors. One rule for every
 * build. */
bool pare_f32_spmv_wins(int64_t n_nonzeros, int64_t m, int64_t k, int64_t n);
/* A[m,k] at a[m * a_row + k * a_column], in the form that `kernel` takes. OUT_OF_MEMORY. */
pare_status pare_f32_spmv_pack(pare_arena *arena, const pare_f32_spmv_kernel *kernel, const float *a,
                               int64_t a_row, int64_t a_column, int64_t m, int64_t k, pare_f32_spmv *out);

/* For variants: rows from `first` on from sums to their places, with bias and clamp. */
static inline void pare_f32_spmv_store(const pare_f32_spmv_args *args, int64_t first) {
  const float low = args->clamp_low, high = args->clamp_high;
  for (int64_t i = first; i < args->a->m; i++) {
    float sum = args->a->sums[args->a->lane_of[i]];
    if (args->bias) sum = sum + args->bias[i];
    sum = sum < low ? low : sum;
    args->y[i] = sum > high ? high : sum;
  }
}

#endif
