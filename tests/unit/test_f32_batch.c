/* Convolution over images that stand side by side: every variant of its kernels against the plain reference, bit for
 * bit; whole convolutions against f32_conv, forward bit for bit; training sessions of a small network with images
 * side by side against ONNX's order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_batch/f32_batch_conv.h"
#include "kernels/f32_conv/f32_conv.h"
#include "kernels/f32_transpose/f32_transpose.h"
#include "support/random.h"
#include "support/unit.h"

/* Factors are below 1: every one of `terms` roundings moves a sum below `terms` by at most terms / 2^24. */
static void check_equal(const float *got, const float *expected, int64_t n, bool fast, int64_t terms) {
  const float bound = (float)(terms + 2) * (float)(terms + 2) / 16777216.0f;
  if (!fast) assert_memory_equal(got, expected, (size_t)n * sizeof(float));
  for (int64_t i = 0; fast && i < n; i++) assert_true(fabsf(got[i] - expected[i]) <= bound);
}

static void every_variant_of_the_product_gives_the_bytes_of_the_reference(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) {
    const int64_t m = between(1, 30), n = 16 * between(1, 6), k = between(0, 40), rows = between(1, 9);
    int32_t a_at[40], b_at[40];
    for (int64_t j = 0; j < k; j++)
      a_at[j] = (int32_t)between(0, 60), b_at[j] = (int32_t)(between(0, rows - 1) * n);
    float *a = random_n(m * 61), *b = random_n(rows * n), *bias = random_n(m), *c = random_n(m * (n + 3));
    pare_f32_batch_product_args args = {.m = m,
                                        .n = n,
                                        .n_taps = k,
                                        .a = a,
                                        .a_row = 61,
                                        .b = b,
                                        .a_at = a_at,
                                        .b_at = b_at,
                                        .c_row = n + 3,
                                        .accumulate = i % 2,
                                        .row_bias = i % 3 ? bias : NULL};
    float *expected = copy_of(c, m * (n + 3));
    args.c = expected;
    pare_f32_batch_at(0)->product(&args);
    for (int v = 1; v < pare_f32_batch_count(); v++) {
      float *got = copy_of(c, m * (n + 3));
      args.c = got;
      pare_f32_batch_at(v)->product(&args);
      check_equal(got, expected, m * (n + 3), pare_f32_batch_at(v)->fast, k);
      free(got);
    }
    free(a), free(b), free(bias), free(c), free(expected);
  }
}

static void every_variant_of_the_gradient_gives_the_bytes_of_the_reference(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) {
    const int64_t n = 16 * between(1, 5), n_y = between(1, 4), n_x = between(1, 5), step = between(1, 2);
    pare_f32_batch_gradient_args args = {.rows = between(1, PARE_F32_BATCH_ROWS),
                                         .taps = between(1, PARE_F32_BATCH_TAPS),
                                         .n_y = n_y,
                                         .n_x = n_x,
                                         .n = n,
                                         .dy_y = (n_x + 1) * n,
                                         .dy_row = n_y * (n_x + 1) * n,
                                         .x_x = step * n,
                                         .x_y = (step * n_x + 2) * n,
                                         .x_row = n_y * (step * n_x + 2) * n};
    float *dy = random_n(args.rows * args.dy_row), *x = random_n(args.taps * args.x_row),
          *sums = random_n(96);
    float *expected = copy_of(sums, 96);
    args.dy = dy;
    args.x = x;
    args.sums = expected;
    pare_f32_batch_at(0)->gradient(&args);
    for (int v = 1; v < pare_f32_batch_count(); v++) {
      float *got = copy_of(sums, 96);
      args.sums = got;
      pare_f32_batch_at(v)->gradient(&args);
      check_equal(got, expected, 96, pare_f32_batch_at(v)->fast, n_y * n_x * n / 8);
      free(got);
    }
    free(dy), free(x), free(sums), free(expected);
  }
}

static pare_f32_batch_conv random_conv(void) {
  pare_f32_batch_conv conv = {.n = 16 * between(1, 2)};
  const int64_t kind = between(0, 3);
  conv.groups = kind == 0 ? between(2, 6) : kind == 1 ? between(1, 3) : 1;
  conv.c = conv.groups * (kind == 0 ? 1 : between(1, 5));
  conv.o = conv.groups * between(1, kind == 0 ? 2 : 15);
  for (int i = 0; i < 2; i++) {
    pare_window *w = &conv.window;
    w->kernel[i] = between(1, 4);
    w->stride[i] = between(1, 3);
    w->dilation[i] = between(1, 2);
    w->pad_begin[i] = between(0, 3);
    w->pad_end[i] = between(0, 3);
    const int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    do w->in[i] = between(1, 12);
    while (w->in[i] + w->pad_begin[i] + w->pad_end[i] < extent);
    w->out[i] = (w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent) / w->stride[i] + 1;
  }
  return conv;
}

static float *turned(const float *x, int64_t rows, int64_t columns) {
  float *y = malloc((size_t)(rows * columns + 1) * sizeof(float));
  pare_f32_transpose(x, columns, rows, columns, y, rows);
  return y;
}

static void check_near(const float *got, const float *expected, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!(fabsf(got[i] - expected[i]) <= 2e-4f * (1 + fabsf(expected[i]))))
      fail_msg("%g is not %g", (double)got[i], (double)expected[i]);
  }
}

typedef struct result {
  float *y, *dx, *dw, *db; /* y, dx [n,c,...] */
} result;

static void free_result(result *r) {
  free(r->y), free(r->dx), free(r->dw), free(r->db);
}

/* All images one after another. */
static result run_plain(pare_context *ctx, const pare_f32_batch_conv *like, const float *x, const float *w,
                        const float *bias, const float *dy, int64_t n_x, int64_t n_y) {
  pare_f32_conv conv = {
      .window = like->window, .n = like->n, .c = like->c, .o = like->o, .groups = like->groups};
  pare_arena arena;
  size_t bytes;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_f32_conv_plan(&conv, &arena), PARE_OK);
  assert_int_equal(pare_f32_conv_scratch(&conv, ctx, true, &bytes), PARE_OK);
  float *scratch = malloc(bytes);
  result r = {random_n(n_y), calloc((size_t)n_x + 1, 4), calloc((size_t)(conv.o * conv.k), 4),
              calloc((size_t)conv.o, 4)};
  pare_f32_conv_forward(&conv, x, w, bias, -INFINITY, INFINITY, r.y, scratch);
  pare_f32_conv_grad_input(&conv, w, dy, r.dx, scratch);
  pare_f32_conv_grad_weight(&conv, x, dy, r.dw, scratch);
  pare_f32_conv_grad_bias(&conv, dy, r.db);
  free(scratch);
  pare_arena_free(&arena);
  return r;
}

static result run_batch(pare_context *ctx, pare_f32_batch_conv conv, int n_threads, const float *x,
                        const float *w, const float *bias, const float *dy, int64_t n_x, int64_t n_y) {
  pare_arena arena;
  size_t bytes;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_pool_new(ctx, n_threads, &conv.pool), PARE_OK);
  assert_int_equal(pare_f32_batch_conv_plan(&conv, &arena), PARE_OK);
  assert_int_equal(pare_f32_batch_conv_scratch(&conv, ctx, &bytes), PARE_OK);
  float *scratch = malloc(bytes), *y = random_n(n_y), *dx = calloc((size_t)n_x + 1, 4);
  float *x_side = turned(x, conv.n, n_x / conv.n), *dy_side = turned(dy, conv.n, n_y / conv.n);
  result r = {NULL, NULL, calloc((size_t)(conv.o * conv.k), 4), calloc((size_t)conv.o, 4)};
  memset(scratch, 0xee, bytes);
  pare_f32_batch_conv_forward(&conv, x_side, w, bias, y, scratch);
  pare_f32_batch_conv_grad_input(&conv, w, dy_side, true, dx, scratch);
  float *set = malloc((size_t)(n_x + 1) * sizeof(float));
  memset(set, 0xee, (size_t)n_x * sizeof(float));
  pare_f32_batch_conv_grad_input(&conv, w, dy_side, false, set, scratch);
  assert_memory_equal(set, dx, (size_t)n_x * sizeof(float)); /* the bytes of adding to zeros */
  free(set);
  pare_f32_batch_conv_grad_weight(&conv, x_side, dy_side, r.dw, scratch);
  pare_f32_batch_conv_grad_bias(&conv, dy_side, r.db);
  r.y = turned(y, n_y / conv.n, conv.n);
  r.dx = turned(dx, n_x / conv.n, conv.n);
  free(scratch), free(y), free(dx), free(x_side), free(dy_side);
  pare_pool_free(conv.pool);
  pare_arena_free(&arena);
  return r;
}

static void check_conv(pare_context *ctx, const pare_f32_batch_conv *conv) {
  const pare_window *w = &conv->window;
  const int64_t n_x = conv->n * conv->c * w->in[0] * w->in[1],
                n_y = conv->n * conv->o * w->out[0] * w->out[1],
                n_w = conv->o * conv->c / conv->groups * w->kernel[0] * w->kernel[1];
  float *x = random_n(n_x), *weights = random_n(n_w), *bias = random_n(conv->o), *dy = random_n(n_y);
  result plain = run_plain(ctx, conv, x, weights, bias, dy, n_x, n_y),
         one = run_batch(ctx, *conv, 1, x, weights, bias, dy, n_x, n_y),
         three = run_batch(ctx, *conv, 3, x, weights, bias, dy, n_x, n_y);
  assert_memory_equal(one.y, plain.y, (size_t)n_y * sizeof(float));
  check_near(one.dx, plain.dx, n_x);
  check_near(one.dw, plain.dw, n_w);
  check_near(one.db, plain.db, conv->o);
  assert_memory_equal(three.y, one.y, (size_t)n_y * sizeof(float));
  assert_memory_equal(three.dx, one.dx, (size_t)n_x * sizeof(float));
  assert_memory_equal(three.dw, one.dw, (size_t)n_w * sizeof(float));
  free_result(&plain), free_result(&one), free_result(&three);
  free(x), free(weights), free(bias), free(dy);
}

static void convolution_equals_that_of_one_image_after_another(void **state) {
  for (int i = 0; i < 150; i++) {
    const pare_f32_batch_conv conv = random_conv();
    check_conv(*state, &conv);
  }
  /* more outputs than one part of the weights' gradient takes */
  const pare_f32_batch_conv wide = {.n = 64,
                                    .c = 3,
                                    .o = 7,
                                    .groups = 1,
                                    .window = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {9, 40}, {9, 40}}};
  check_conv(*state, &wide);
}

static void images_of_2_to_the_31_elements_are_refused(void **state) {
  pare_arena arena;
  pare_arena_init(&arena, *state);
  pare_f32_batch_conv conv = {.n = 64,
                              .c = 64,
                              .o = 1,
                              .groups = 1,
                              .window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1024, 512}, {1024, 512}}};
  assert_int_equal(pare_f32_batch_conv_plan(&conv, &arena), PARE_UNSUPPORTED);
  pare_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_variant_of_the_product_gives_the_bytes_of_the_reference),
      cmocka_unit_test(every_variant_of_the_gradient_gives_the_bytes_of_the_reference),
      cmocka_unit_test(convolution_equals_that_of_one_image_after_another),
      cmocka_unit_test(images_of_2_to_the_31_elements_are_refused),
  };
  return cmocka_run_group_tests(tests, context_setup, context_teardown);
}
