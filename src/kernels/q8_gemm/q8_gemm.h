/* Integer matrix multiplication for int8 networks whose images stand channels last:
 *   C[m,n] = sum_k A[m,k] B[k,n]
 * A is not unfolded: row m of A is `n_runs` runs of neighbours, each `run_len` elements at a + rows[m] + runs[r]. B is packed once into panels.
 * The sums end in the tile: bias, requantization and activation (q8_sink.h).
 *
 * Five formats, and each variant takes one:
 *   WIDE   A and B in 16 bits, zero points taken off:      two products and their sum are one i32x4.dot_i16x8
 *   TILED  the same, where a row is one run: A in tiles of rows, so that one address does for all rows of a tile (pare_q8_tile)
 *   MIXED  A in 16 bits without its zero point, B as s8:    for a single row, where B's way from memory counts. Of eight columns, four are the
 *          low bytes of words, 128 higher, and four the high ones: a word is 256 of one weight and one of the other, and needs no widening
 *   BYTES  A as u8, B as s8:                                 four products and their sum are one instruction; A's zero point is in the bias
 *   BYTES_WIDE  A as u8, B in 16 bits without its zero point: where A becomes wide as it is read; its zero point is in the bias
 * MIXED and BYTES want weights whose own zero point is 0 (128 for u8). Sums wrap modulo 2^32 in every variant, as ONNX Runtime's do; with
 * k <= PARE_Q8_MAX_K none can. All variants agree bit for bit. */
#ifndef PARE_Q8_GEMM_H
#define PARE_Q8_GEMM_H

#include "kernels/q8_gemm/q8_sink.h"

#define PARE_Q8_MAX_K 33025 /* 33025 * 255 * 255 < 2^31 */
#define PARE_Q8_ALIGN                                                                                        \
  64 /* bytes: packed weights begin there, and the elements of A may be read this far past their end */

typedef enum pare_q8_format {
  PARE_Q8_WIDE,
  PARE_Q8_TILED,
  PARE_Q8_MIXED,
  PARE_Q8_BYTES,
  PARE_Q8_BYTES_WIDE
} pare_q8_format;

typedef struct pare_q8_gemm_args {
  int64_t m, n;
  const void *a;
  const int32_t *rows; /* [m] in elements; NULL: row m is at m * a_row */
  int64_t a_row;
  const int32_t *runs; /* [n_runs] in elements */
  int64_t n_runs;
  int64_t run_len; /* elements of a run, filled up to whole steps of k: there B is zero */
  const int32_t *
      steps; /* WIDE: [n_runs * run_len / 2] where each pair of k begins (pare_q8_steps), so that one loop does for all runs */
  const void *b; /* [panels of n][n_runs][run_len / k_step][panel][k_step] */
  pare_q8_sink sink;
} pare_q8_gemm_args;

/* How columns stand in a panel: column i at place i, or as four vectors of bytes of 32 channels become dwords of four taps by unpacking:
 * places 8 j + i, i < 4, are columns 4 j + i; places 8 j + 4 + i are columns 16 + 4 j + i. */
typedef enum pare_q8_order { PARE_Q8_ORDERED, PARE_Q8_UNPACKED } pare_q8_order;

typedef struct pare_q8_gemm_kernel {
  const char *name;
  void (*run)(const pare_q8_gemm_args *args);
  pare_q8_format format;
  int panel; /* columns in a panel */
  pare_q8_order order;
  int rank, rank_one; /* the largest wins, by `rank_one` for a single row; 0 is the plain reference */
} pare_q8_gemm_kernel;

/* What __builtin_cpu_supports must confirm, for the .def lists. */
#define PARE_CPU_HAS_ALWAYS true
#define PARE_CPU_HAS_AVX2   (__builtin_cpu_supports("avx2") != 0)
#define PARE_CPU_HAS_AVX512VNNI                                                                              \
  (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") &&                             \
   __builtin_cpu_supports("avx512bw"))

/* Of the relaxed variants: natively they are emulated, for the tests alone. */
#ifdef __wasm_relaxed_simd__
#define PARE_Q8_RELAXED_RANK 15
#else
#define PARE_Q8_RELAXED_RANK 0
#endif

int pare_q8_gemm_count(void); /* those that this processor runs */
const pare_q8_gemm_kernel *pare_q8_gemm_at(int i);
/* `plain_weights`: their zero point is 0 (128 for u8). `one_run`: A's rows are, and whoever calls brings them into tiles. */
bool pare_q8_gemm_suits(const pare_q8_gemm_kernel *kernel, bool plain_weights, bool one_run);
const pare_q8_gemm_kernel *pare_q8_gemm_select(int64_t m, bool plain_weights, bool one_run);

static inline bool pare_q8_takes_bytes(pare_q8_format format) {
  return format == PARE_Q8_BYTES || format == PARE_Q8_BYTES_WIDE;
}
static inline bool pare_q8_wide_weights(pare_q8_format format) {
  return format != PARE_Q8_MIXED && format != PARE_Q8_BYTES;
}
static inline int64_t pare_q8_k_step(const pare_q8_gemm_kernel *kernel) {
  return kernel->format == PARE_Q8_BYTES ? 4 : 2;
}
static inline int64_t pare_q8_round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

/* B where it lies: element (k, n) at data[from[k] + n * n_step]. */
typedef struct pare_q8_weights {
  const void *data;
  bool is_signed;
  const int64_t *from; /* [k]; -1: zero, to fill up */
  int64_t k, n, n_step;
  const int32_t *zeros; /* [n] or NULL: all are `zero` */
  int32_t zero;
} pare_q8_weights;

/* Bytes of B packed; false when they do not fit this machine's memory. */
bool pare_q8_pack_bytes(const pare_q8_gemm_kernel *kernel, int64_t k, int64_t n, size_t *bytes);
/* `sums` [n]: of each column's packed weights, for the zero point of A in BYTES. */
void pare_q8_pack(const pare_q8_gemm_kernel *kernel, const pare_q8_weights *w, void *packed, int32_t *sums);

void pare_q8_steps(const int32_t *runs, int64_t n_runs, int64_t run_len, int32_t *steps);

/* out[i] = x[i] - zero; x holds u8, or s8 when `is_signed`. */
void pare_q8_widen(const void *x, bool is_signed, int32_t zero, int64_t n, int16_t *out);

/* Rows of the tile that begins at row `at` of `m`: what is left after fours makes fives of the first ones, where there are as many. The last tile
 * may reach past the end. */
static inline int64_t pare_q8_tile_rows(int64_t m, int64_t at) {
  return m % 4 <= m / 4 && at < m % 4 * 5 ? 5 : 4;
}
/* A in TILED: out [tiles][run_len / 2][rows of the tile][2], from k on zeros. Row m begins at x[rows[m]], or at x[m * k] where `rows` is NULL.
 * Up to 30 elements past the end are written too. */
void pare_q8_tile(const void *x, bool is_signed, int32_t zero, const int32_t *rows, int64_t m, int64_t k,
                  int64_t run_len, int16_t *out);

#endif
