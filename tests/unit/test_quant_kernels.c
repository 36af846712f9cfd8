/* The int8 kernels: every variant equals the plain reference bit for bit, over random shapes, every tail and extreme values. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/requant/requant.h"
#include "kernels/s16_conv/s16_conv.h"
#include "kernels/s16_depthwise/s16_depthwise.h"
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

/* Often an extreme: what is left of -128, 127, 255 and 0 after any zero point. */
static int16_t any_s16(pare_rng *rng) {
  static const int16_t extremes[] = {-255, 255, -128, 127, 0, 128};
  const uint32_t pick = pare_rng_below(rng, 12);
  return pick < 6 ? extremes[pick] : (int16_t)((int)pare_rng_below(rng, 511) - 255);
}

static void check_gemm(int64_t m, int64_t n_panels, int64_t k_pairs, pare_rng *rng) {
  const int64_t a_len = m * k_pairs * 2, b_len = n_panels * k_pairs * 16, c_row = n_panels * 8 + 8;
  int16_t *a = pare_alloc_array(ctx, (size_t)a_len + 1, 2), *b = pare_alloc_array(ctx, (size_t)b_len + 1, 2);
  int32_t *want = pare_alloc_array(ctx, (size_t)(m * c_row), 4),
          *have = pare_alloc_array(ctx, (size_t)(m * c_row), 4);
  for (int64_t i = 0; i < a_len; i++) a[i] = any_s16(rng);
  for (int64_t i = 0; i < b_len; i++) b[i] = any_s16(rng);
  pare_s16_gemm_args args = {m, n_panels, k_pairs, a, 2 * k_pairs, b, want, c_row};
  pare_s16_gemm_at(0)->run(&args);
  args.c = have;
  for (int v = 1; v < pare_s16_gemm_count(); v++) {
    memset(have, 0, (size_t)(m * c_row) * 4);
    pare_s16_gemm_at(v)->run(&args);
    assert_memory_equal(want, have, (size_t)(m * c_row) * 4);
  }
  pare_free(ctx, a);
  pare_free(ctx, b);
  pare_free(ctx, want);
  pare_free(ctx, have);
}

static void every_gemm_variant_equals_the_reference(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(1, "gemm");
  assert_true(pare_s16_gemm_count() >= 2);
  for (int64_t m = 1; m <= 9; m++)
    for (int64_t p = 1; p <= 10; p++) check_gemm(m, p, 1 + pare_rng_below(&rng, 40), &rng);
  check_gemm(5, 3, 400, &rng);
}

static void the_longest_sum_of_extremes_is_exact(void **state) {
  (void)state;
  const int64_t k = PARE_S16_MAX_K, pairs = pare_s16_pairs(k);
  uint8_t *x = pare_alloc(ctx, (size_t)k), *w = pare_alloc(ctx, (size_t)k);
  int16_t *a = pare_alloc_array(ctx, (size_t)(2 * pairs), 2),
          *b = pare_alloc_array(ctx, (size_t)(16 * pairs), 2);
  memset(x, 255, (size_t)k);
  memset(w, 255, (size_t)k);
  pare_s16_pack_a(x, false, k, NULL, 0, 1, k, a);
  pare_s16_pack_b(w, false, 1, k, NULL, 0, k, 1, b);
  for (int v = 0; v < pare_s16_gemm_count(); v++) {
    int32_t c[8];
    const pare_s16_gemm_args args = {1, 1, pairs, a, 2 * pairs, b, c, 8};
    pare_s16_gemm_at(v)->run(&args);
    assert_int_equal(c[0], 33025 * 65025);
    for (int j = 1; j < 8; j++) assert_int_equal(c[j], 0);
  }
  pare_free(ctx, x);
  pare_free(ctx, w);
  pare_free(ctx, a);
  pare_free(ctx, b);
}

static void packing_takes_zero_points_off_and_fills_with_zeros(void **state) {
  (void)state;
  const int8_t x[6] = {-128, 127, 0, 5, -5, 1}; /* [2,3] */
  int16_t a[8];
  pare_s16_pack_a(x, true, 3, NULL, -1, 2, 3, a);
  const int16_t want_a[8] = {-127, 128, 1, 0, 6, -4, 2, 0};
  assert_memory_equal(a, want_a, sizeof a);
  int16_t b[32];
  const int32_t zeros[2] = {1, 2};
  pare_s16_pack_b(x, true, 2, 1, zeros, 0, 3, 2, b); /* [3,2] */
  assert_int_equal(b[0], -129);
  assert_int_equal(b[1], -1);
  assert_int_equal(b[2], 125);
  assert_int_equal(b[3], 3);
  assert_int_equal(b[16], -6);
  assert_int_equal(b[17], 0);
  assert_int_equal(b[18], -1);
  for (int j = 4; j < 16; j++) assert_int_equal(b[j], 0);
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

static void every_depthwise_variant_equals_the_reference(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(3, "depthwise");
  for (int round = 0; round < 400; round++) {
    pare_window w = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}};
    for (int i = 0; i < 2; i++) {
      w.kernel[i] = 1 + pare_rng_below(&rng, round % 20 ? 5 : 10);
      w.stride[i] = 1 + pare_rng_below(&rng, 3);
      w.dilation[i] = 1 + pare_rng_below(&rng, 2);
      w.out[i] = 1 + pare_rng_below(&rng, 20);
      w.in[i] = (w.out[i] - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1;
    }
    const int64_t x_len = w.in[0] * w.in[1], acc_row = (w.out[1] + 7) / 8 * 8;
    int16_t *x = pare_alloc_array(ctx, (size_t)x_len + PARE_S16_DEPTHWISE_SLACK, 2), taps[100];
    int32_t *want = pare_alloc_array(ctx, (size_t)(w.out[0] * acc_row), 4);
    int32_t *have = pare_alloc_array(ctx, (size_t)(w.out[0] * acc_row), 4);
    for (int64_t i = 0; i < x_len; i++) x[i] = any_s16(&rng);
    for (int64_t i = 0; i < w.kernel[0] * w.kernel[1]; i++) taps[i] = any_s16(&rng);
    pare_s16_depthwise_args args = {&w, x, w.in[1], taps, want, acc_row};
    pare_s16_depthwise_at(0)->run(&args);
    args.acc = have;
    for (int v = 1; v < pare_s16_depthwise_count(); v++) {
      pare_s16_depthwise_at(v)->run(&args);
      for (int64_t p = 0; p < w.out[0]; p++)
        assert_memory_equal(want + p * acc_row, have + p * acc_row, (size_t)w.out[1] * 4);
    }
    pare_free(ctx, x);
    pare_free(ctx, want);
    pare_free(ctx, have);
  }
}

/* ---- convolution against the definition ---------------------------------------------------------------------------- */
typedef struct sums {
  const pare_s16_conv *conv;
  int32_t *acc;
} sums;

static void keep(void *arg, int64_t i, int64_t o, int64_t first, int64_t n, const int32_t *acc) {
  const sums *s = arg;
  memcpy(s->acc + (i * s->conv->o + o) * s->conv->columns + first, acc, (size_t)n * 4);
}

static int32_t defined_sum(const pare_s16_conv *c, const uint8_t *x, int32_t zero, const uint8_t *w,
                           int64_t i, int64_t o, int64_t p, int64_t q) {
  const pare_window *d = &c->window;
  const int64_t group = o / (c->o / c->groups);
  int32_t sum = 0;
  for (int64_t ch = 0; ch < c->cg; ch++) {
    for (int64_t a = 0; a < d->kernel[0]; a++) {
      for (int64_t b = 0; b < d->kernel[1]; b++) {
        const int64_t y = p * d->stride[0] - d->pad_begin[0] + a * d->dilation[0];
        const int64_t z = q * d->stride[1] - d->pad_begin[1] + b * d->dilation[1];
        if (y < 0 || y >= d->in[0] || z < 0 || z >= d->in[1]) continue;
        const int32_t value = x[((i * c->c + group * c->cg + ch) * d->in[0] + y) * d->in[1] + z] - zero;
        sum += value * (int8_t)w[((o * c->cg + ch) * d->kernel[0] + a) * d->kernel[1] + b];
      }
    }
  }
  return sum;
}

static void check_conv(pare_rng *rng) {
  pare_s16_conv c = {.n = 1 + pare_rng_below(rng, 2), .groups = 1 + pare_rng_below(rng, 3)};
  c.c = c.groups * (1 + pare_rng_below(rng, 4));
  c.o = c.groups * (1 + pare_rng_below(rng, 6));
  pare_window *d = &c.window;
  for (int i = 0; i < 2; i++) {
    d->kernel[i] = 1 + pare_rng_below(rng, 4);
    d->stride[i] = 1 + pare_rng_below(rng, 3);
    d->dilation[i] = 1 + pare_rng_below(rng, 2);
    d->pad_begin[i] = pare_rng_below(rng, 3);
    d->pad_end[i] = pare_rng_below(rng, 3);
    d->out[i] = 1 + pare_rng_below(rng, 18);
    d->in[i] = (d->out[i] - 1) * d->stride[i] + (d->kernel[i] - 1) * d->dilation[i] + 1 - d->pad_begin[i] -
               d->pad_end[i];
    if (d->in[i] < 1) return;
  }
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_s16_conv_plan(&c, &arena), PARE_OK);
  size_t bytes;
  assert_int_equal(pare_s16_conv_scratch(&c, ctx, &bytes), PARE_OK);
  const int64_t x_len = c.n * c.c * d->in[0] * d->in[1], w_len = c.o * c.k, y_len = c.n * c.o * c.columns;
  uint8_t *x = pare_arena_alloc(&arena, (size_t)x_len), *w = pare_arena_alloc(&arena, (size_t)w_len);
  int16_t *packed = pare_arena_array(&arena, (size_t)(c.o * c.a_row), 2);
  sums s = {&c, pare_arena_array(&arena, (size_t)y_len, 4)};
  for (int64_t i = 0; i < x_len; i++) x[i] = (uint8_t)pare_rng_u32(rng);
  for (int64_t i = 0; i < w_len; i++) w[i] = (uint8_t)pare_rng_u32(rng);
  const int32_t zero = (int32_t)pare_rng_below(rng, 256);
  pare_s16_pack_a(w, true, c.k, NULL, 0, c.o, c.k, packed);
  void *scratch = pare_alloc(ctx, bytes); /* of its own, so that a sanitizer sees its end */
  pare_s16_conv_run(&c, x, zero, packed, keep, &s, scratch);
  pare_free(ctx, scratch);
  for (int64_t i = 0; i < y_len; i++) {
    const int64_t at = i % c.columns, o = i / c.columns % c.o;
    assert_int_equal(s.acc[i],
                     defined_sum(&c, x, zero, w, i / c.columns / c.o, o, at / d->out[1], at % d->out[1]));
  }
  pare_arena_free(&arena);
}

static void convolution_gives_the_defined_sums(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(4, "conv");
  for (int round = 0; round < 600; round++) check_conv(&rng);
}

static void sums_that_could_overflow_are_refused(void **state) {
  (void)state;
  pare_s16_conv c = {.n = 1,
                     .c = 40000,
                     .o = 1,
                     .groups = 1,
                     .window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}}};
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_s16_conv_plan(&c, &arena), PARE_UNSUPPORTED);
  assert_error_has(ctx, "40000 products may overflow");
  pare_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_gemm_variant_equals_the_reference),
      cmocka_unit_test(the_longest_sum_of_extremes_is_exact),
      cmocka_unit_test(packing_takes_zero_points_off_and_fills_with_zeros),
      cmocka_unit_test(every_requantization_equals_the_reference),
      cmocka_unit_test(requantization_rounds_halves_to_even_and_saturates),
      cmocka_unit_test(every_depthwise_variant_equals_the_reference),
      cmocka_unit_test(convolution_gives_the_defined_sums),
      cmocka_unit_test(sums_that_could_overflow_are_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
