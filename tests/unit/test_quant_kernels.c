/* The int8 kernels: every variant equals the plain reference bit for bit, over random shapes, every tail and extreme values. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/q8_add/q8_add.h"
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/q8_gemm/q8_check_relaxed.h"
#include "kernels/q8_gemm/q8_matrix.h"
#include "kernels/requant/requant.h"
#include "support/bytes.h"
#include "support/unit.h"

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) != PARE_OK;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

/* One random product, or depthwise window, as its definition has it; every variant must agree. */
typedef struct problem {
  bool depthwise;
  int64_t stride, width;      /* depthwise: of a window of 3 x 3; stride 0: any taps, of places anywhere */
  int64_t m, n, n_runs, used; /* used: elements of a run that count */
  int64_t len;                /* of x */
  uint8_t *x, *w;             /* w [n,n_runs,used] */
  bool x_signed, w_signed;
  int32_t zero_x, zero_w;
  int32_t rows[144], runs[64];
  pare_q8_sink sink;    /* bias as the model has it; scale */
  int32_t *bias, *sums; /* [whole n]; [m,n] */
  float *scale;
} problem;

/* Windows of 3 x 3, `width` in a row, over an image as a convolution has them. */
static void place_window(problem *p) {
  const int64_t row = ((p->width - 1) * p->stride + 3) * p->n, height = p->m / p->width;
  for (int64_t i = 0; i < p->m; i++)
    p->rows[i] = (int32_t)(p->stride * (i / p->width * row + i % p->width * p->n));
  for (int64_t i = 0; i < 9; i++) p->runs[i] = (int32_t)(i / 3 * row + i % 3 * p->n);
  p->len = ((height - 1) * p->stride + 3) * row;
}

static void define(problem *p, pare_rng *rng) {
  const int64_t whole = pare_q8_round_up(p->n, 64);
  p->len = 200 + p->n + p->used;
  if (p->stride) place_window(p);
  p->x = some_bytes(ctx, rng, p->len);
  p->w = some_bytes(ctx, rng, p->n * p->n_runs * p->used);
  p->x_signed = pare_rng_below(rng, 2);
  p->w_signed = pare_rng_below(rng, 2);
  p->zero_x = value_of(any_byte(rng), p->x_signed);
  for (int64_t i = 0; i < p->m && !p->stride; i++) p->rows[i] = (int32_t)pare_rng_below(rng, 100);
  for (int64_t i = 0; i < p->n_runs && !p->stride; i++) p->runs[i] = (int32_t)pare_rng_below(rng, 100);
  p->bias = pare_alloc_array(ctx, (size_t)whole, 4);
  p->scale = pare_alloc_array(ctx, (size_t)whole, 4);
  p->sums = pare_alloc_array(ctx, (size_t)(p->m * p->n), 4);
  for (int64_t i = 0; i < p->n; i++) {
    p->bias[i] = (int32_t)pare_rng_below(rng, 2000) - 1000;
    p->scale[i] = ldexpf(0.5f + pare_rng_f32(rng) / 2, (int)pare_rng_below(rng, 10) - 16);
  }
  p->sink.bounded = pare_rng_below(rng, 4); /* 6 runs of 33 products: far below */
  if (!p->sink.bounded && pare_rng_below(rng, 2)) p->scale[pare_rng_below(rng, (uint32_t)p->n)] = 1e30f;
  p->sink.is_signed = pare_rng_below(rng, 2);
  const int32_t low = p->sink.is_signed ? -128 : 0;
  p->sink.zero_point = low + (int32_t)pare_rng_below(rng, 256);
  p->sink.low = pare_rng_below(rng, 3) ? (float)(low - p->sink.zero_point) : 0.0f;
  p->sink.high = (float)(low + 255 - p->sink.zero_point);
}

static void compute(const problem *p) {
  for (int64_t m = 0; m < p->m; m++) {
    for (int64_t n = 0; n < p->n; n++) {
      uint32_t sum = (uint32_t)p->bias[n];
      for (int64_t r = 0; r < p->n_runs; r++) {
        for (int64_t t = 0; t < p->used; t++) {
          const int64_t at = p->rows[m] + p->runs[r] + (p->depthwise ? n : t);
          const int32_t w = value_of(p->w[(n * p->n_runs + r) * p->used + t], p->w_signed) - p->zero_w;
          sum += (uint32_t)((value_of(p->x[at], p->x_signed) - p->zero_x) * w);
        }
      }
      p->sums[m * p->n + n] = (int32_t)sum;
    }
  }
}

/* x in the kernel's format, in memory that ends where it may be read. */
static void *in_format(const problem *p, pare_q8_format format) {
  if (format == PARE_Q8_TILED) {
    const int64_t run_len = pare_q8_round_up(p->used, 2);
    int16_t *tiles = pare_alloc_array(ctx, (size_t)((p->m + 3) * run_len) + PARE_Q8_ALIGN, 2);
    pare_q8_tile(p->x + p->runs[0], p->x_signed, p->zero_x, p->rows, p->m, p->used, run_len, tiles);
    return tiles;
  }
  const bool wide = !pare_q8_takes_bytes(format);
  void *out = pare_alloc_array(ctx, (size_t)(p->len + p->n) + PARE_Q8_ALIGN, wide ? 2 : 1);
  if (wide) pare_q8_widen(p->x, p->x_signed, p->zero_x, p->len, out);
  for (int64_t i = 0; i < p->len && !wide; i++) ((uint8_t *)out)[i] = p->x[i] ^ (p->x_signed ? 0x80 : 0);
  return out;
}

static void run_variant(const problem *p, const pare_q8_gemm_kernel *packing, const pare_q8_gemm_kernel *gemm,
                        const pare_q8_depthwise_kernel *depthwise, uint8_t *y, int32_t *sums) {
  const int64_t step = pare_q8_k_step(packing);
  const int64_t run_len = p->depthwise ? 1 : pare_q8_round_up(p->used, step);
  const int64_t n_runs = p->depthwise ? pare_q8_round_up(p->n_runs, step) : p->n_runs;
  size_t bytes;
  assert_true(pare_q8_pack_bytes(packing, n_runs * run_len, p->n, &bytes));
  int64_t from[64 * 70];
  int32_t runs[64], zeros[300], w_sums[300], bias[320] = {0}, steps[32 * 70];
  for (int64_t r = 0; r < n_runs; r++) {
    runs[r] = p->runs[r < p->n_runs ? r : 0];
    for (int64_t t = 0; t < run_len; t++)
      from[r * run_len + t] = r < p->n_runs && t < p->used ? r * p->used + t : -1;
  }
  if (!p->depthwise) pare_q8_steps(runs, n_runs, run_len, steps);
  for (int64_t n = 0; n < p->n; n++) zeros[n] = p->zero_w;
  const pare_q8_weights weights = {p->w, p->w_signed,         from,  n_runs * run_len,
                                   p->n, p->n_runs * p->used, zeros, 0};
  void *packed = pare_alloc(ctx, bytes), *x = in_format(p, packing->format);
  pare_q8_pack(packing, &weights, packed, w_sums);
  const int32_t zero = pare_q8_takes_bytes(packing->format) ? p->zero_x + (p->x_signed ? 128 : 0) : 0;
  for (int64_t n = 0; n < p->n; n++)
    bias[n] = (int32_t)((uint32_t)p->bias[n] - (uint32_t)zero * (uint32_t)w_sums[n]);
  pare_q8_sink sink = p->sink;
  sink.bias = bias;
  sink.scale = p->scale;
  sink.row = p->n;
  for (int k = 0; k < 2; k++) {
    sink.y = k ? y : NULL;
    sink.sums = k ? NULL : sums;
    const pare_q8_gemm_args g = {p->m, p->n, x, p->rows, 0, runs, n_runs, run_len, steps, packed, sink};
    const pare_q8_depthwise_args d = {p->m, p->n, p->width, x, p->rows, runs, n_runs, packed, sink};
    if (p->depthwise)
      depthwise->run(&d);
    else
      gemm->run(&g);
  }
  pare_free(ctx, packed);
  pare_free(ctx, x);
}

static void check_variant(const problem *p, const pare_q8_gemm_kernel *packing,
                          const pare_q8_gemm_kernel *gemm, const pare_q8_depthwise_kernel *depthwise) {
  if (!pare_q8_wide_weights(packing->format) && p->zero_w != (p->w_signed ? 0 : 128)) return;
  if (packing->format == PARE_Q8_TILED && p->n_runs > 1) return;
  const size_t len = (size_t)(p->m * p->n);
  int32_t *sums = pare_alloc_array(ctx, len, 4);
  uint8_t *y = pare_alloc(ctx, len), *want = pare_alloc(ctx, len);
  run_variant(p, packing, gemm, depthwise, y, sums);
  assert_memory_equal(sums, p->sums, len * 4);
  for (int64_t m = 0; m < p->m; m++) {
    pare_requant_args args = {.acc = p->sums + m * p->n, .n = p->n, .scales = p->scale, .y = want + m * p->n};
    args.zero_point = p->sink.zero_point;
    args.low = (int32_t)p->sink.low + args.zero_point;
    args.high = (int32_t)p->sink.high + args.zero_point;
    args.is_signed = p->sink.is_signed;
    pare_requant_at(0)->requantize(&args);
  }
  assert_memory_equal(y, want, len);
  pare_free(ctx, sums);
  pare_free(ctx, y);
  pare_free(ctx, want);
}

static void check_all_variants(problem p, pare_rng *rng) {
  define(&p, rng);
  p.zero_w = pare_rng_below(rng, 4) ? (p.w_signed ? 0 : 128) : value_of(any_byte(rng), p.w_signed);
  compute(&p);
  for (int v = 0; v < pare_q8_gemm_count() && !p.depthwise; v++)
    check_variant(&p, pare_q8_gemm_at(v), pare_q8_gemm_at(v), NULL);
  for (int v = 0; v < pare_q8_depthwise_count() && p.depthwise; v++)
    check_variant(&p, &pare_q8_depthwise_at(v)->packing, NULL, pare_q8_depthwise_at(v));
  pare_free(ctx, p.x);
  pare_free(ctx, p.w);
  pare_free(ctx, p.bias);
  pare_free(ctx, p.scale);
  pare_free(ctx, p.sums);
}

static void every_gemm_variant_gives_the_defined_integers(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(1, "gemm");
  assert_true(pare_q8_gemm_count() >= 3);
  for (int64_t m = 1; m <= 14; m++)
    for (int64_t n = 1; n <= 150; n += 1 + pare_rng_below(&rng, 9))
      check_all_variants((problem){.m = m,
                                   .n = n,
                                   .n_runs = 1 + pare_rng_below(&rng, pare_rng_below(&rng, 3) ? 6 : 1),
                                   .used = 1 + pare_rng_below(&rng, 33)},
                         &rng);
}

static void every_depthwise_variant_gives_the_defined_integers(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(3, "depthwise");
  assert_true(pare_q8_depthwise_count() >= 2);
  for (int64_t n = 1; n <= 140; n++) {
    const int64_t m = 1 + pare_rng_below(&rng, n % 7 ? 9 : 64);
    check_all_variants(
        (problem){
            .depthwise = true, .m = m, .width = m, .n = n, .n_runs = 1 + pare_rng_below(&rng, 30), .used = 1},
        &rng);
  }
}

/* Rows of every width, and as many as blocks of sums hold, and more. */
static void depthwise_windows_of_3x3_give_the_defined_integers(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(5, "windows");
  for (int64_t width = 1; width <= 72; width++) {
    for (int64_t stride = 1; stride <= 3; stride++) {
      const int64_t m = width * (1 + pare_rng_below(&rng, (uint32_t)(144 / width)));
      check_all_variants((problem){.depthwise = true,
                                   .stride = stride,
                                   .width = width,
                                   .m = m,
                                   .n = 1 + pare_rng_below(&rng, width % 3 ? 20 : 70),
                                   .n_runs = 9,
                                   .used = 1},
                         &rng);
    }
  }
}

/* ---- what a relaxed module proves when it is loaded ------------------------------------------------------------------ */
static const pare_q8_gemm_kernel *whole_gemm;
static const pare_q8_depthwise_kernel *whole_depthwise;

static int32_t saturated(int32_t sum) {
  return sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
}

/* A gemm as engines without VNNI compute it: pairs saturate to 16 bits. */
static void saturating_gemm(const pare_q8_gemm_args *args) {
  const int64_t panel = args->n_runs * args->run_len * 8;
  for (int64_t m = 0; m < args->m && !args->sink.y; m++) {
    for (int64_t n = 0; n < args->n; n++) {
      const uint8_t *a = (const uint8_t *)args->a + args->rows[m];
      const int8_t *b = (const int8_t *)args->b + n / 8 * panel + n % 8 * 4;
      int32_t sum = args->sink.bias[n];
      for (int64_t k = 0; k < args->run_len; k += 2, b += k % 4 ? 2 : 30)
        sum += saturated(a[k] * b[0] + a[k + 1] * b[1]);
      args->sink.sums[m * args->sink.row + n] = sum;
    }
  }
  if (args->sink.y) whole_gemm->run(args);
}

/* One number in the last channel is one too large. */
static void careless_depthwise(const pare_q8_depthwise_args *args) {
  whole_depthwise->run(args);
  if (!args->sink.y) args->sink.sums[args->m * args->sink.row - 1]++;
}

static void the_check_at_load_sees_a_broken_tile(void **state) {
  (void)state;
  for (int v = 0; v < pare_q8_gemm_count(); v++)
    if (pare_q8_gemm_at(v)->format == PARE_Q8_BYTES && pare_q8_gemm_at(v)->panel == 8)
      whole_gemm = pare_q8_gemm_at(v);
  for (int v = 0; v < pare_q8_depthwise_count(); v++)
    if (pare_q8_depthwise_at(v)->packing.panel == 16) whole_depthwise = pare_q8_depthwise_at(v);
  assert_non_null(whole_gemm);
  assert_non_null(whole_depthwise);
  assert_int_equal(pare_q8_check(whole_gemm, whole_depthwise), 0);
  pare_q8_gemm_kernel gemm = *whole_gemm;
  gemm.run = saturating_gemm;
  assert_true(pare_q8_check(&gemm, whole_depthwise) > 0);
  pare_q8_depthwise_kernel depthwise = *whole_depthwise;
  depthwise.run = careless_depthwise;
  assert_int_equal(pare_q8_check(whole_gemm, &depthwise), 6);
}

static void check_matrix(pare_rng *rng, int variant, pare_arena *arena) {
  pare_q8_matrix b = {.k = 1 + pare_rng_below(rng, 40),
                      .n = 1 + pare_rng_below(rng, 20),
                      .a_signed = pare_rng_below(rng, 2),
                      .b_signed = true,
                      .kernel = pare_q8_gemm_at(variant)};
  const int64_t m = 1 + pare_rng_below(rng, 16);
  const int32_t zeros[20] = {0}, zero_a = value_of(any_byte(rng), b.a_signed);
  uint8_t *x = some_bytes(ctx, rng, m * b.k), *w = some_bytes(ctx, rng, b.k * b.n);
  int32_t c[16 * 20];
  size_t bytes;
  assert_int_equal(pare_q8_matrix_plan(&b, m, true, arena), PARE_OK);
  assert_ptr_equal(b.kernel, pare_q8_gemm_at(variant));
  assert_true(pare_q8_matrix_scratch(&b, m, &bytes));
  pare_q8_matrix_pack(&b, w, b.n, 1, zeros);
  pare_q8_matrix_bias(&b, NULL, zero_a);
  void *scratch = pare_alloc(ctx, bytes);
  const pare_q8_sink sink = {.sums = c, .row = b.n};
  pare_q8_matrix_run(&b, x, zero_a, m, 0, b.n, &sink, scratch);
  for (int64_t i = 0; i < m * b.n; i++) {
    int32_t sum = 0;
    for (int64_t k = 0; k < b.k; k++)
      sum += (value_of(x[i / b.n * b.k + k], b.a_signed) - zero_a) * (int8_t)w[k * b.n + i % b.n];
    assert_int_equal(c[i], sum);
  }
  pare_free(ctx, scratch);
  pare_free(ctx, x);
  pare_free(ctx, w);
}

static void rows_are_brought_into_every_format(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(7, "matrix");
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  for (int round = 0; round < 60; round++)
    for (int v = 0; v < pare_q8_gemm_count(); v++) check_matrix(&rng, v, &arena);
  pare_arena_free(&arena);
}

static void the_longest_sum_of_extremes_is_exact(void **state) {
  (void)state;
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  const int64_t k = PARE_Q8_MAX_K;
  uint8_t *x = pare_arena_alloc(&arena, (size_t)k), *w = pare_arena_alloc(&arena, (size_t)k);
  memset(x, 255, (size_t)k);
  for (int plain = 0; plain < 2; plain++) {
    pare_q8_matrix b = {.k = k, .n = 1, .b_signed = plain};
    const int32_t zero = 0;
    int32_t c;
    size_t bytes;
    memset(w, plain ? 0x80 : 255, (size_t)k);
    assert_int_equal(pare_q8_matrix_plan(&b, 1, plain, &arena), PARE_OK);
    assert_true(pare_q8_matrix_scratch(&b, 1, &bytes));
    pare_q8_matrix_pack(&b, w, 1, k, &zero);
    pare_q8_matrix_bias(&b, NULL, 0);
    const pare_q8_sink sink = {.sums = &c, .row = 1};
    pare_q8_matrix_run(&b, x, 0, 1, 0, 1, &sink, pare_arena_alloc(&arena, bytes));
    assert_int_equal(c, plain ? -33025 * 255 * 128 : 33025 * 65025);
  }
  pare_arena_free(&arena);
}

static void run_requant(const pare_requant_kernel *kernel, bool quantize, pare_requant_args args,
                        uint8_t *y) {
  memset(y, 0x55, 96);
  args.y = y;
  (quantize ? kernel->quantize : kernel->requantize)(&args);
}

static void every_requantization_equals_the_reference(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(2, "requant");
  static const int32_t extremes[] = {INT32_MAX, INT32_MIN, 0, -1, 1, 1 << 24, (1 << 24) + 1};
  for (int round = 0; round < 4000; round++) {
    int32_t acc[64], biases[64];
    float x[64], scales[64];
    uint8_t want[96], have[96];
    pare_requant_args args = {.acc = acc, .x = x, .n = (int64_t)pare_rng_below(&rng, 65)};
    args.is_signed = pare_rng_below(&rng, 2);
    args.low = args.is_signed ? -128 : 0;
    args.high = args.low + 255;
    args.zero_point = args.low + (int32_t)pare_rng_below(&rng, 256);
    if (round % 3 == 0) args.low = args.zero_point;
    args.scale = ldexpf(0.5f + pare_rng_f32(&rng) / 2, (int)pare_rng_below(&rng, 24) - 18);
    if (round % 4 == 0) args.scale = 0.5f; /* many halves */
    args.bias = (int32_t)pare_rng_below(&rng, 1000) - 500;
    for (int i = 0; i < 64; i++) {
      const uint32_t pick = pare_rng_below(&rng, 20);
      acc[i] = pick < PARE_COUNT(extremes) ? extremes[pick]
                                           : (int32_t)pare_rng_u32(&rng) >> pare_rng_below(&rng, 31);
      biases[i] = (int32_t)pare_rng_below(&rng, 1000) - 500;
      scales[i] = args.scale * (1.0f + (float)pare_rng_below(&rng, 3));
      x[i] = pick == 0   ? NAN
             : pick == 1 ? INFINITY
             : pick == 2 ? -INFINITY
                         : (float)acc[i] * args.scale * 0.5f;
    }
    args.scales = round % 2 ? scales : NULL;
    args.biases = round % 5 == 0 ? biases : NULL;
    for (int quantize = 0; quantize < 2; quantize++) {
      run_requant(pare_requant_at(0), quantize, args, want);
      for (int v = 1; v < pare_requant_count(); v++) {
        run_requant(pare_requant_at(v), quantize, args, have);
        assert_memory_equal(want, have, sizeof want);
      }
    }
  }
}

static void requantization_rounds_halves_to_even_and_saturates(void **state) {
  (void)state;
  const int32_t acc[10] = {1, 3, 5, -1, -3, 1000, -1000, 253, 0, -256};
  const uint8_t want[10] = {128, 130, 130, 128, 126, 255, 0, 254, 128, 0};
  uint8_t y[10];
  const pare_requant_args args = {.acc = acc, .n = 10, .scale = 0.5f, .zero_point = 128, .high = 255, .y = y};
  for (int v = 0; v < pare_requant_count(); v++) {
    pare_requant_at(v)->requantize(&args);
    assert_memory_equal(y, want, sizeof want);
  }
}

/* Ratios of any size, halves among the sums, and bounds of an activation. */
static void every_addition_equals_the_reference(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(6, "add");
  for (int round = 0; round < 3000; round++) {
    const int64_t n = 1 + pare_rng_below(&rng, 80);
    uint8_t *a = some_bytes(ctx, &rng, n), *b = some_bytes(ctx, &rng, n), *want = some_bytes(ctx, &rng, n),
            *have = some_bytes(ctx, &rng, n);
    pare_q8_add_args args = {.a = a, .b = b, .n = n, .is_signed = pare_rng_below(&rng, 2), .y = want};
    args.ratio_a = ldexpf(0.5f + pare_rng_f32(&rng) / 2, (int)pare_rng_below(&rng, 24) - 8);
    args.ratio_b = round % 3 ? 0.5f : -args.ratio_a;
    if (round % 7 == 0) args.ratio_a = 0.5f;
    args.fixed = round % 50 ? (float)pare_rng_below(&rng, 1000) / 4 - 100 : NAN;
    args.low = (args.is_signed ? -128.0f : 0.0f) + (float)pare_rng_below(&rng, 2) * 40.0f;
    args.high = (args.is_signed ? 127.0f : 255.0f) - (float)pare_rng_below(&rng, 2) * 40.0f;
    pare_q8_add_at(0)->run(&args);
    args.y = have;
    for (int v = 1; v < pare_q8_add_count(); v++) {
      pare_q8_add_at(v)->run(&args);
      assert_memory_equal(want, have, (size_t)n);
    }
    pare_free(ctx, a);
    pare_free(ctx, b);
    pare_free(ctx, want);
    pare_free(ctx, have);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_gemm_variant_gives_the_defined_integers),
      cmocka_unit_test(every_depthwise_variant_gives_the_defined_integers),
      cmocka_unit_test(depthwise_windows_of_3x3_give_the_defined_integers),
      cmocka_unit_test(the_check_at_load_sees_a_broken_tile),
      cmocka_unit_test(rows_are_brought_into_every_format),
      cmocka_unit_test(the_longest_sum_of_extremes_is_exact),
      cmocka_unit_test(every_requantization_equals_the_reference),
      cmocka_unit_test(every_addition_equals_the_reference),
      cmocka_unit_test(requantization_rounds_halves_to_even_and_saturates),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
