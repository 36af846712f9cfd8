/* int8 convolution against its definition, over random shapes and extreme values: by q8_gemm, q8_depthwise and q8_winograd. */
#include <math.h>
#include <string.h>

#include "kernels/q8_conv/q8_conv.h"
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

/* What is convolved; everything but the shapes. */
typedef struct numbers {
  uint8_t *x, *w; /* of their own, so that a sanitizer sees their ends */
  int32_t zero_x, zero_w;
} numbers;

static int64_t x_len(const pare_q8_conv *c) {
  return c->n * c->c * c->window.in[0] * c->window.in[1];
}

static int64_t w_len(const pare_q8_conv *c) {
  return c->o * (c->c / c->groups) * c->window.kernel[0] * c->window.kernel[1];
}

static int32_t defined_sum(const pare_q8_conv *c, const numbers *it, int64_t i, int64_t o, int64_t p,
                           int64_t q) {
  const pare_window *d = &c->window;
  const int64_t group = o / (c->o / c->groups);
  int32_t sum = 0;
  for (int64_t ch = 0; ch < c->cg; ch++) {
    for (int64_t a = 0; a < d->kernel[0]; a++) {
      for (int64_t b = 0; b < d->kernel[1]; b++) {
        const int64_t y = p * d->stride[0] - d->pad_begin[0] + a * d->dilation[0];
        const int64_t z = q * d->stride[1] - d->pad_begin[1] + b * d->dilation[1];
        if (y < 0 || y >= d->in[0] || z < 0 || z >= d->in[1]) continue;
        const uint8_t byte = it->x[((i * d->in[0] + y) * d->in[1] + z) * c->c + group * c->cg + ch];
        const uint8_t weight = it->w[((o * c->cg + ch) * d->kernel[0] + a) * d->kernel[1] + b];
        sum += (value_of(byte, c->x_signed) - it->zero_x) * (value_of(weight, c->w_signed) - it->zero_w);
      }
    }
  }
  return sum;
}

/* Bytes as the reference makes them of the sums. */
static void requantize(const pare_q8_sink *sink, const int32_t *sums, int64_t places, int64_t o, uint8_t *y) {
  for (int64_t i = 0; i < places; i++) {
    const pare_requant_args args = {.acc = sums + i * o,
                                    .n = o,
                                    .scales = sink->scale,
                                    .zero_point = sink->zero_point,
                                    .low = (int32_t)sink->low + sink->zero_point,
                                    .high = (int32_t)sink->high + sink->zero_point,
                                    .is_signed = sink->is_signed,
                                    .y = y + i * o};
    pare_requant_at(0)->requantize(&args);
  }
}

/* The convolution, planned, gives the defined sums, and the bytes that they become. */
static void check_planned(const pare_q8_conv *c, const numbers *it, pare_arena *arena) {
  size_t bytes, packed_bytes;
  assert_int_equal(pare_q8_conv_sizes(c, ctx, &bytes, &packed_bytes), PARE_OK);
  const size_t len = (size_t)(c->n * c->o * c->columns), channels = (size_t)(c->channels * c->groups);
  int32_t *sums = pare_arena_array(arena, len, 4), *w_sums = pare_arena_array(arena, channels, 4);
  int32_t *bias = pare_arena_array(arena, channels, 4);
  float *scale = pare_arena_array(arena, channels, 4), *scales = pare_arena_array(arena, (size_t)c->o, 4);
  uint8_t *y = pare_arena_alloc(arena, len), *want = pare_arena_alloc(arena, len);
  void *packed = pare_alloc(ctx, packed_bytes), *scratch = pare_alloc(ctx, bytes);
  const int64_t per_group = c->depthwise ? c->o : c->o / c->groups;
  for (int64_t o = 0; o < c->o; o++)
    scale[o / per_group * c->channels + o % per_group] = scales[o] = ldexpf(1.0f + (float)(o % 7) / 8, -12);
  pare_q8_conv_pack(c, it->w, NULL, it->zero_w, packed, w_sums);
  pare_q8_conv_bias(c, NULL, it->zero_x, w_sums, bias);
  pare_q8_sink sink = {.bias = bias, .sums = sums};
  pare_q8_conv_run(c, it->x, it->zero_x, packed, &sink, scratch);
  for (int64_t i = 0; i < (int64_t)len; i++) {
    const int64_t at = i / c->o % c->columns, columns = c->window.out[1];
    assert_int_equal(sums[i],
                     defined_sum(c, it, i / c->o / c->columns, i % c->o, at / columns, at % columns));
  }
  sink = (pare_q8_sink){.bias = bias, .scale = scale, .low = -100, .high = 120, .zero_point = 110, .y = y};
  if (it->zero_x & 1) sink.is_signed = true, sink.zero_point = -20;
  for (int bounded = 0; bounded < 2; bounded++) {
    sink.bounded = bounded;
    sink.scale = scale;
    memset(y, 0x55, len);
    pare_q8_conv_run(c, it->x, it->zero_x, packed, &sink, scratch);
    sink.scale = scales;
    requantize(&sink, sums, c->n * c->columns, c->o, want);
    assert_memory_equal(y, want, len);
  }
  pare_free(ctx, packed);
  pare_free(ctx, scratch);
}

/* By Winograd's way or not, as `winograd` says. */
static void check(pare_q8_conv c, numbers it, bool winograd) {
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  c.known_weights = it.w;
  assert_int_equal(pare_q8_conv_plan(&c, &arena), PARE_OK);
  assert_int_equal(c.by_winograd, winograd);
  assert_int_equal(c.narrow, c.way == PARE_Q8_NARROW);
  check_planned(&c, &it, &arena);
  pare_arena_free(&arena);
}

static void free_numbers(numbers it) {
  pare_free(ctx, it.x);
  pare_free(ctx, it.w);
}

/* A zero point of weights that are plain, or not. */
static int32_t weights_zero(const pare_q8_conv *c, pare_rng *rng) {
  return c->plain_weights ? (c->w_signed ? 0 : 128) : value_of(any_byte(rng), c->w_signed);
}

static numbers some_numbers(const pare_q8_conv *c, pare_rng *rng) {
  return (numbers){some_bytes(ctx, rng, x_len(c)), some_bytes(ctx, rng, w_len(c)),
                   value_of(any_byte(rng), c->x_signed), weights_zero(c, rng)};
}

static bool set_in(pare_window *d, int i) {
  d->in[i] = (d->out[i] - 1) * d->stride[i] + (d->kernel[i] - 1) * d->dilation[i] + 1 - d->pad_begin[i] -
             d->pad_end[i];
  return d->in[i] >= 1;
}

static bool choose_window(pare_window *d, pare_rng *rng, bool plain) {
  for (int i = 0; i < 2; i++) {
    d->kernel[i] = 1 + pare_rng_below(rng, plain && i == 0 ? 1 : 4);
    d->stride[i] = 1 + pare_rng_below(rng, 3);
    d->dilation[i] = 1 + pare_rng_below(rng, 2);
    d->pad_begin[i] = plain ? 0 : pare_rng_below(rng, 3);
    d->pad_end[i] = plain ? 0 : pare_rng_below(rng, 3);
    d->out[i] = 1 + pare_rng_below(rng, 18);
    if (!set_in(d, i)) return false;
  }
  return true;
}

static void check_any(pare_rng *rng, pare_pool *pool) {
  pare_q8_conv c = {.n = 1 + pare_rng_below(rng, 2), .groups = 1 + pare_rng_below(rng, 3), .pool = pool};
  const uint32_t kind = pare_rng_below(rng, 4);
  c.c = c.groups * (1 + pare_rng_below(rng, 5));
  c.o = c.groups * (1 + pare_rng_below(rng, 20));
  if (kind == 0) c.groups = c.o = c.c = 2 + pare_rng_below(rng, 40);
  if (kind == 1) c.c *= 4;
  c.x_signed = pare_rng_below(rng, 2);
  c.w_signed = pare_rng_below(rng, 2);
  c.plain_weights = pare_rng_below(rng, 4) != 0;
  c.way = PARE_Q8_DIRECT;
  c.wanted = pare_q8_gemm_at((int)pare_rng_below(rng, (uint32_t)pare_q8_gemm_count()));
  if (!choose_window(&c.window, rng, pare_rng_below(rng, 4) == 0)) return;
  const numbers it = some_numbers(&c, rng);
  check(c, it, false);
  free_numbers(it);
}

static void with_threads(int rounds, const char *purpose, void (*one)(pare_rng *rng, pare_pool *pool)) {
  pare_rng rng = pare_rng_new(4, purpose);
  pare_pool *pool;
  assert_int_equal(pare_pool_new(ctx, 3, &pool), PARE_OK);
  for (int round = 0; round < rounds; round++) one(&rng, round % 4 ? NULL : pool);
  pare_pool_free(pool);
}

static void convolution_gives_the_defined_sums(void **state) {
  (void)state;
  with_threads(900, "conv", check_any);
}

/* Depthwise windows of 3 x 3 and of other sizes, with any padding around images of every width. */
static void check_any_depthwise(pare_rng *rng, pare_pool *pool) {
  pare_q8_conv c = {.n = 1 + pare_rng_below(rng, 2), .pool = pool};
  pare_window *d = &c.window;
  c.groups = c.o = c.c = 2 + pare_rng_below(rng, pare_rng_below(rng, 8) ? 40 : 140);
  c.x_signed = pare_rng_below(rng, 2);
  c.w_signed = pare_rng_below(rng, 2);
  c.plain_weights = pare_rng_below(rng, 4) != 0;
  for (int i = 0; i < 2; i++) {
    d->kernel[i] = pare_rng_below(rng, 4) ? 3 : 5;
    d->stride[i] = 1 + pare_rng_below(rng, 2);
    d->dilation[i] = pare_rng_below(rng, 4) ? 1 : 2;
    d->pad_begin[i] = pare_rng_below(rng, 3);
    d->pad_end[i] = pare_rng_below(rng, 3);
    d->out[i] = 1 + pare_rng_below(rng, i && pare_rng_below(rng, 4) == 0 ? 80 : 10);
    if (!set_in(d, i)) return;
  }
  const numbers it = some_numbers(&c, rng);
  check(c, it, false);
  free_numbers(it);
}

static void depthwise_convolution_gives_the_defined_sums(void **state) {
  (void)state;
  with_threads(250, "depthwise", check_any_depthwise);
}

static void check_any_narrow(pare_rng *rng, pare_pool *pool) {
  pare_q8_conv c = {.n = 1 + pare_rng_below(rng, 2),
                    .groups = 1,
                    .pool = pool,
                    .c = 1,
                    .o = 1 + pare_rng_below(rng, 6),
                    .way = PARE_Q8_NARROW};
  c.x_signed = pare_rng_below(rng, 2);
  c.w_signed = pare_rng_below(rng, 2);
  c.plain_weights = pare_rng_below(rng, 2);
  for (int i = 0; i < 2; i++) {
    pare_window *d = &c.window;
    d->kernel[i] = 1 + pare_rng_below(rng, 6);
    d->stride[i] = i ? 1 : 1 + pare_rng_below(rng, 3);
    d->dilation[i] = 1;
    d->pad_begin[i] = pare_rng_below(rng, 3);
    d->pad_end[i] = pare_rng_below(rng, 3);
    d->out[i] = 1 + pare_rng_below(rng, pare_rng_below(rng, 8) ? 18 : 200);
    if (!set_in(d, i)) return;
  }
  const numbers it = some_numbers(&c, rng);
  check(c, it, false);
  free_numbers(it);
}

static void one_channel_to_a_few_gives_the_defined_sums(void **state) {
  (void)state;
  with_threads(300, "narrow", check_any_narrow);
}

static bool is_narrow(pare_q8_conv c) {
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_q8_conv_plan(&c, &arena), PARE_OK);
  pare_arena_free(&arena);
  return c.narrow;
}

static void narrow_is_for_what_it_computes(void **state) {
  (void)state;
  const pare_q8_conv c = {.n = 1,
                          .c = 1,
                          .o = 6,
                          .groups = 1,
                          .way = PARE_Q8_NARROW,
                          .window = {{5, 5}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {8, 8}, {4, 4}}};
  assert_true(is_narrow(c));
  for (int i = 0; i < 6; i++) {
    pare_q8_conv other = c;
    if (i == 0) other.window.stride[1] = 2, other.window.in[1] = 11;
    if (i == 1) other.window.dilation[0] = 2, other.window.in[0] = 12;
    if (i == 2) other.window.dilation[1] = 2, other.window.in[1] = 12;
    if (i == 3) other.o = 7;
    if (i == 4) other.c = 2;
    if (i == 5) other.way = PARE_Q8_DIRECT;
    assert_false(is_narrow(other));
  }
}

/* ---- Winograd's way ------------------------------------------------------------------------------------------------ */
/* 3x3, of images [in,in] with a padding of 1. */
static pare_q8_conv plain_conv(int64_t in, int64_t c, int64_t o) {
  return (pare_q8_conv){.n = 1,
                        .c = c,
                        .o = o,
                        .groups = 1,
                        .w_signed = true,
                        .plain_weights = true,
                        .way = PARE_Q8_WINOGRAD,
                        .window = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {in, in}, {in, in}}};
}

static void check_any_winograd(pare_rng *rng, pare_pool *pool) {
  pare_q8_conv c = plain_conv(1, 8 + pare_rng_below(rng, 20), 1 + pare_rng_below(rng, 20));
  c.n = 1 + pare_rng_below(rng, 3);
  c.x_signed = pare_rng_below(rng, 2);
  c.w_signed = pare_rng_below(rng, 2);
  c.pool = pool;
  for (int i = 0; i < 2; i++) {
    c.window.pad_begin[i] = pare_rng_below(rng, pare_rng_below(rng, 4) ? 2 : 6);
    c.window.pad_end[i] = pare_rng_below(rng, pare_rng_below(rng, 4) ? 2 : 6);
    c.window.out[i] = 1 + pare_rng_below(rng, pare_rng_below(rng, 4) ? 18 : 80);
    if (!set_in(&c.window, i)) return;
  }
  const numbers it = some_numbers(&c, rng);
  check(c, it, true);
  free_numbers(it);
}

static void winograd_gives_the_defined_sums(void **state) {
  (void)state;
  with_threads(300, "winograd", check_any_winograd);
}

/* Products that are all as large as they get, of one sign and of changing ones: 9 * 114 * 255 * 128 is a little less than 2^25. */
static void winograd_is_exact_up_to_its_bound(void **state) {
  (void)state;
  for (int round = 0; round < 8; round++) {
    pare_q8_conv c = plain_conv(6, 114, 9);
    c.x_signed = round & 1;
    c.w_signed = round & 2;
    numbers it = {pare_alloc(ctx, (size_t)x_len(&c)), pare_alloc(ctx, (size_t)w_len(&c)),
                  c.x_signed ? -128 : 0, c.w_signed ? 0 : 128};
    memset(it.x, c.x_signed ? 127 : 255, (size_t)x_len(&c));
    for (int64_t i = 0; i < w_len(&c); i++) {
      const bool high = round & 4 ? (i % 9 + i / 9) % 2 : i / (9 * c.c) % 2;
      it.w[i] = (uint8_t)((high ? 127 : -128) + it.zero_w);
    }
    check(c, it, true);
    free_numbers(it);
  }
}

static void winograd_is_left_where_sums_could_be_too_large(void **state) {
  (void)state;
  pare_q8_conv c = plain_conv(5, 115, 1);
  numbers it = {pare_alloc(ctx, (size_t)x_len(&c)), pare_alloc(ctx, (size_t)w_len(&c)), 0, 0};
  memset(it.x, 255, (size_t)x_len(&c));
  memset(it.w, 128, (size_t)w_len(&c));
  check(c, it, false);
  memset(it.w, 127, (size_t)w_len(&c)); /* 9 * 115 * 255 * 127 is less than 2^25 */
  check(c, it, true);
  free_numbers(it);
}

/* Whether a convolution that wants Winograd's way gets it. */
static bool is_taken(pare_q8_conv c) {
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_q8_conv_plan(&c, &arena), PARE_OK);
  pare_arena_free(&arena);
  return c.by_winograd;
}

static void winograd_is_for_what_it_computes(void **state) {
  (void)state;
  uint8_t w[16 * 16 * 9] = {1};
  pare_q8_conv c = plain_conv(16, 16, 16);
  assert_false(is_taken(c)); /* weights that come later */
  c.known_weights = w;
  assert_true(is_taken(c));
  for (int i = 0; i < 6; i++) {
    pare_q8_conv other = c;
    if (i == 0) other.window.stride[1] = 2, other.window.out[1] = 8;
    if (i == 1) other.window.kernel[0] = 2, other.window.out[0] = 17;
    if (i == 2) other.window.dilation[0] = 2, other.window.out[0] = 14;
    if (i == 3) other.groups = 2;
    if (i == 4) other.c = 7;
    if (i == 5) other.plain_weights = false;
    assert_false(is_taken(other));
  }
}

static void sums_that_could_overflow_are_refused(void **state) {
  (void)state;
  pare_q8_conv c = {.n = 1,
                    .c = 40000,
                    .o = 1,
                    .groups = 1,
                    .window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}}};
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_q8_conv_plan(&c, &arena), PARE_UNSUPPORTED);
  assert_error_has(ctx, "40000 products may overflow");
  pare_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolution_gives_the_defined_sums),
      cmocka_unit_test(depthwise_convolution_gives_the_defined_sums),
      cmocka_unit_test(one_channel_to_a_few_gives_the_defined_sums),
      cmocka_unit_test(narrow_is_for_what_it_computes),
      cmocka_unit_test(winograd_gives_the_defined_sums),
      cmocka_unit_test(winograd_is_exact_up_to_its_bound),
      cmocka_unit_test(winograd_is_left_where_sums_could_be_too_large),
      cmocka_unit_test(winograd_is_for_what_it_computes),
      cmocka_unit_test(sums_that_could_overflow_are_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
