/* A matrix of weights packed for q8_gemm, and products of rows of 8-bit numbers with it:
 *   C[m,n] = sum_k (A[m,k] - zero_a) (B[k,n] - zero_b[n]) */
#ifndef PARE_Q8_MATRIX_H
#define PARE_Q8_MATRIX_H

#include "kernels/q8_gemm/q8_gemm.h"

typedef struct pare_q8_matrix {
  int64_t k, n;
  bool a_signed, b_signed;
  const pare_q8_gemm_kernel *kernel; /* NULL: the best */
  /* set by pare_q8_matrix_plan */
  int64_t k_whole, n_whole; /* filled up to whole steps and panels */
  void *packed;
  int64_t *from;
  int32_t *steps; /* q8_gemm.h */
  int32_t *sums;
  int32_t *bias; /* [n_whole] */
} pare_q8_matrix;

/* `m`: how many rows A has as a rule; `plain`: B's zero points are 0 (128 for u8). UNSUPPORTED when a sum could overflow, BAD_MODEL when sizes
 * do, OUT_OF_MEMORY. */
pare_status pare_q8_matrix_plan(pare_q8_matrix *b, int64_t m, bool plain, pare_arena *arena);
/* B[k,n] at data[k * k_step + n * n_step]; zeros [n]. */
void pare_q8_matrix_pack(const pare_q8_matrix *b, const void *data, int64_t k_step, int64_t n_step,
                         const int32_t *zeros);
/* b->bias = bias [n] (NULL: none), and what A's zero point makes of it. Before runs with another zero point. */
void pare_q8_matrix_bias(const pare_q8_matrix *b, const int32_t *bias, int32_t zero_a);
/* Bytes of scratch for `rows` rows; false when they do not fit. */
bool pare_q8_matrix_scratch(const pare_q8_matrix *b, int64_t rows, size_t *bytes);
/* Columns [first, end), `first` at a panel of every variant (a multiple of 64). a [rows,k]; sink: scale from column 0 on,
 * y or sums from `first` on. */
void pare_q8_matrix_run(const pare_q8_matrix *b, const void *a, int32_t zero_a, int64_t rows, int64_t first,
                        int64_t end, const pare_q8_sink *sink, void *scratch);

#endif
