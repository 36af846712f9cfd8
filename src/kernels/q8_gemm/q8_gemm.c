/* The table of int8 GEMM variants, and packing. */
#include "kernels/q8_gemm/q8_gemm.h"

#define PARE_Q8_GEMM(suffix, isa, format, panel, rank, rank_one)                                             \
  void pare_q8_gemm__##suffix(const pare_q8_gemm_args *args);
#include "kernels/q8_gemm/q8_gemm.def"
#undef PARE_Q8_GEMM

static const pare_q8_gemm_kernel kernels[] = {
#define PARE_Q8_GEMM(suffix, isa, format, panel, rank, rank_one)                                             \
  {"pare_q8_gemm__" #suffix,                                                                                 \
   pare_q8_gemm__##suffix,                                                                                   \
   PARE_Q8_##format,                                                                                         \
   panel,                                                                                                    \
   PARE_Q8_ORDERED,                                                                                          \
   rank,                                                                                                     \
   rank_one},
#include "kernels/q8_gemm/q8_gemm.def"
#undef PARE_Q8_GEMM
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_Q8_GEMM(suffix, isa, format, panel, rank, rank_one)                                             \
  if (i == at++) return PARE_CPU_HAS_##isa;
#include "kernels/q8_gemm/q8_gemm.def"
#undef PARE_Q8_GEMM
  return false;
}

int pare_q8_gemm_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_q8_gemm_kernel *pare_q8_gemm_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++)
    if (runs_here(at) && i-- == 0) return &kernels[at];
  return NULL;
}

bool pare_q8_gemm_suits(const pare_q8_gemm_kernel *kernel, bool plain_weights, bool one_run) {
  return (plain_weights || pare_q8_wide_weights(kernel->format)) &&
         (one_run || kernel->format != PARE_Q8_TILED);
}

const pare_q8_gemm_kernel *pare_q8_gemm_select(int64_t m, bool plain_weights, bool one_run) {
  const pare_q8_gemm_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++) {
    const pare_q8_gemm_kernel *one = &kernels[i];
    const bool better = m == 1 ? one->rank_one > best->rank_one : one->rank > best->rank;
    if (better && pare_q8_gemm_suits(one, plain_weights, one_run) && runs_here(i)) best = one;
  }
  return best;
}

bool pare_q8_pack_bytes(const pare_q8_gemm_kernel *kernel, int64_t k, int64_t n, size_t *bytes) {
  const int64_t columns = pare_q8_round_up(n, kernel->panel);
  size_t numbers;
  return columns < INT32_MAX && pare_mul_size((size_t)columns, (size_t)k, &numbers) &&
         pare_mul_size(numbers, pare_q8_wide_weights(kernel->format) ? sizeof(int16_t) : 1, bytes) &&
         *bytes < SIZE_MAX / 4;
}

static int32_t weight_at(const pare_q8_weights *w, int64_t k, int64_t n) {
  if (n >= w->n || w->from[k] < 0) return 0;
  const int64_t at = w->from[k] + n * w->n_step;
  const int32_t value = w->is_signed ? ((const int8_t *)w->data)[at] : ((const uint8_t *)w->data)[at];
  return value - (w->zeros ? w->zeros[n] : w->zero);
}

static int column_at(const pare_q8_gemm_kernel *kernel, int place) {
  if (kernel->order == PARE_Q8_ORDERED) return place;
  return place / 8 * 4 + place % 4 + (place % 8 >= 4 ? 16 : 0);
}

/* Where the i-th byte of a column goes in a step of k of MIXED, and what it becomes. */
static void put_mixed(int8_t *step, int place, int64_t i, int32_t value) {
  const bool low = place % 8 < 4;
  step[place / 8 * 16 + place % 4 * 4 + i * 2 + !low] = (int8_t)(low ? value + 128 : value);
}

void pare_q8_pack(const pare_q8_gemm_kernel *kernel, const pare_q8_weights *w, void *packed, int32_t *sums) {
  const int64_t step = pare_q8_k_step(kernel), columns = pare_q8_round_up(w->n, kernel->panel);
  int16_t *wide = packed;
  int8_t *narrow = packed;
  for (int64_t n = 0; n < w->n; n++) sums[n] = 0;
  for (int64_t first = 0; first < columns; first += kernel->panel) {
    for (int64_t k = 0; k < w->k; k += step) {
      for (int place = 0; place < kernel->panel; place++) {
        const int64_t n = first + column_at(kernel, place);
        for (int64_t i = k; i < k + step; i++) {
          const int32_t value = weight_at(w, i, n);
          if (n < w->n) sums[n] += value;
          if (kernel->format == PARE_Q8_MIXED)
            put_mixed(narrow, place, i - k, value);
          else if (kernel->format == PARE_Q8_BYTES)
            *narrow++ = (int8_t)value;
          else
            *wide++ = (int16_t)value;
        }
      }
      if (kernel->format == PARE_Q8_MIXED) narrow += kernel->panel * step;
    }
  }
}

void pare_q8_steps(const int32_t *runs, int64_t n_runs, int64_t run_len, int32_t *steps) {
  for (int64_t r = 0; r < n_runs; r++)
    for (int64_t k = 0; k < run_len; k += 2) *steps++ = runs[r] + (int32_t)k;
}
