/* Integer matrix multiplication for int8 networks, over operands widened to 16 bits:
 *   C[m,n] = sum_k A[m,k] B[k,n]      A = a - zero_a, B = b - zero_b, both in -255..255
 * Zero points are taken off while packing, so there are no correction terms, and a pair of products is one instruction
 * (i32x4.dot_i16x8). Sums wrap modulo 2^32 in every variant, as ONNX Runtime's do; with k <= PARE_S16_MAX_K none can.
 * All variants agree bit for bit. */
#ifndef PARE_S16_GEMM_H
#define PARE_S16_GEMM_H

#include "base/base.h"

/* For loops over the registers of a tile, whose bounds are constants at every call. */
#ifdef __clang__
#define PARE_S16_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PARE_S16_UNROLL _Pragma("GCC unroll 16")
#endif

#define PARE_S16_NR    8     /* columns in a panel of B, in every variant */
#define PARE_S16_MAX_K 33025 /* 33025 * 255 * 255 < 2^31 */

typedef struct pare_s16_gemm_args {
  int64_t m, n_panels, k_pairs;
  const int16_t *a; /* A[m,k] at a[m * a_row + k]; an odd k is filled up with a zero */
  int64_t a_row;
  const int16_t *b; /* [n_panels][k_pairs][8][2]: columns side by side, two k each */
  int32_t *c;       /* C[m,n] at c[m * c_row + n]; whole panels are written: c_row >= 8 * n_panels */
  int64_t c_row;
} pare_s16_gemm_args;

typedef void (*pare_s16_gemm_fn)(const pare_s16_gemm_args *args);

typedef struct pare_s16_gemm_kernel {
  const char *name;
  pare_s16_gemm_fn run;
  int rank; /* the largest wins; 0 is the plain reference */
} pare_s16_gemm_kernel;

int pare_s16_gemm_count(void); /* those that this processor runs */
const pare_s16_gemm_kernel *pare_s16_gemm_at(int i);
const pare_s16_gemm_kernel *pare_s16_gemm_select(void);

static inline int64_t pare_s16_pairs(int64_t k) {
  return (k + 1) / 2;
}
static inline int64_t pare_s16_panels(int64_t n) {
  return (n + PARE_S16_NR - 1) / PARE_S16_NR;
}
/* 16-bit numbers of B[k,n] packed. */
static inline int64_t pare_s16_pack_len(int64_t k, int64_t n) {
  return pare_s16_panels(n) * pare_s16_pairs(k) * 2 * PARE_S16_NR;
}

/* Its bytes; false when they do not fit this machine's memory. */
static inline bool pare_s16_pack_bytes(int64_t k, int64_t n, size_t *bytes) {
  const uint64_t most = SIZE_MAX / 4 < INT64_MAX / 4 ? SIZE_MAX / 4 : INT64_MAX / 4;
  const uint64_t panels = (uint64_t)pare_s16_panels(n), panel = (uint64_t)pare_s16_pairs(k) * 4 * PARE_S16_NR;
  if (panel > most || panels > most / (panel + 1)) return false;
  *bytes = (size_t)(panels * panel);
  return true;
}

/* out[i] = x[i] - zero; x holds u8, or s8 when `is_signed`. */
void pare_s16_widen(const void *x, bool is_signed, int32_t zero, int64_t n, int16_t *out);
/* Rows A[m,k] at x[m * x_row + k] into out[m * 2 * pairs + k], an odd k filled up; zeros[m] or one zero for all. */
void pare_s16_pack_a(const void *x, bool is_signed, int64_t x_row, const int32_t *zeros, int32_t zero,
                     int64_t m, int64_t k, int16_t *out);
/* B[k,n] at x[k * x_row + n * x_column] into panels, missing columns and k zero; zeros[n] or one zero for all. */
void pare_s16_pack_b(const void *x, bool is_signed, int64_t x_row, int64_t x_column, const int32_t *zeros,
                     int32_t zero, int64_t k, int64_t n, int16_t *out);

#endif
