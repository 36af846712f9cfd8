/* q8_check_relaxed.h. Memory is on the stack: nothing here can fail. */
#include "kernels/q8_gemm/q8_check_relaxed.h"

#include "kernels/q8_gemm/q8_sink_ref.h"

enum { M = 7, N = 40, K = 36, X_LEN = 512 };

typedef struct problem {
  bool depthwise;
  int64_t m;
  uint8_t x[X_LEN];
  int8_t w[N * K];
  int64_t from[K];
  int32_t rows[M], runs[K], bias[64];
  float scale[64];
  uint8_t packed[64 * K];
} problem;

/* The largest products of either sign, all alike and mixed. */
static void set_values(problem *p, int round) {
  static const uint8_t xs[] = {255, 255, 128, 127, 0, 254, 255, 1};
  static const int8_t ws[] = {127, -128, 127, -128, -1, 127, 0, -128};
  uint32_t state = (uint32_t)round * 2654435761u + 1;
  for (int i = 0; i < X_LEN; i++) {
    state = state * 1664525u + 1013904223u;
    p->x[i] = round == 0 ? 255 : xs[state >> 29];
  }
  for (int i = 0; i < N * K; i++) {
    state = state * 1664525u + 1013904223u;
    p->w[i] = round < 2 ? (round ? -128 : 127) : ws[state >> 29];
  }
  for (int i = 0; i < M; i++) p->rows[i] = i * N;
  for (int i = 0; i < K; i++) {
    p->from[i] = i;
    p->runs[i] = p->depthwise ? 3 * i : 0;
  }
  for (int i = 0; i < 64; i++) {
    p->bias[i] = i * 1000 - 32000;
    p->scale[i] = 0.0003f;
  }
}

static uint32_t plain_sum(const problem *p, int64_t m, int64_t n) {
  uint32_t sum = 0;
  for (int k = 0; k < K; k++)
    sum += (uint32_t)(p->x[p->rows[m] + (p->depthwise ? p->runs[k] + n : k)] * p->w[n * K + k]);
  return sum;
}

static int count_wrong(const problem *p, const uint8_t *y, const int32_t *sums) {
  uint8_t want[M * N];
  int32_t want_sums[M * N];
  pare_q8_sink sink = {.bias = p->bias, .scale = p->scale, .high = 255, .row = N};
  int wrong = 0;
  for (int64_t i = 0; i < p->m * N; i++) {
    sink.y = want;
    pare_q8_store1(&sink, i / N, i % N, plain_sum(p, i / N, i % N));
    sink.y = NULL;
    sink.sums = want_sums;
    pare_q8_store1(&sink, i / N, i % N, plain_sum(p, i / N, i % N));
    wrong += want[i] != y[i] || want_sums[i] != sums[i];
  }
  return wrong;
}

static int check_round(problem *p, const pare_q8_gemm_kernel *gemm,
                       const pare_q8_depthwise_kernel *depthwise) {
  uint8_t y[M * N] = {0};
  int32_t sums[M * N] = {0}, w_sums[N];
  const pare_q8_gemm_kernel *packing = p->depthwise ? &depthwise->packing : gemm;
  const pare_q8_weights weights = {
      .data = p->w, .is_signed = true, .from = p->from, .k = K, .n = N, .n_step = K};
  pare_q8_pack(packing, &weights, p->packed, w_sums);
  pare_q8_sink sink = {.bias = p->bias, .scale = p->scale, .high = 255, .bounded = true, .row = N};
  for (int i = 0; i < 2; i++) {
    sink.y = i ? y : NULL;
    sink.sums = i ? NULL : sums;
    const pare_q8_gemm_args g = {p->m, N, p->x, p->rows, 0, p->runs, 1, K, NULL, p->packed, sink};
    const pare_q8_depthwise_args d = {p->m, N, p->m, p->x, p->rows, p->runs, K, p->packed, sink};
    if (p->depthwise)
      depthwise->run(&d);
    else
      gemm->run(&g);
  }
  return count_wrong(p, y, sums);
}

int pare_q8_check(const pare_q8_gemm_kernel *gemm, const pare_q8_depthwise_kernel *depthwise) {
  problem p = {.depthwise = false};
  int wrong = 0;
  for (int round = 0; round < 6; round++) {
    for (int kind = 0; kind < 3; kind++) { /* rows, a single row, a window */
      p.depthwise = kind == 2;
      p.m = kind == 1 ? 1 : M;
      set_values(&p, round);
      wrong += check_round(&p, gemm, depthwise);
    }
  }
  return wrong;
}
