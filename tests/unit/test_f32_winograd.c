/* Winograd's convolutions in training: every variant's transforms against the plain ones, and whole convolutions, all
 * three ways, against those of f32_batch_conv.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_winograd/f32_winograd.h"
#include "support/random.h"
#include "support/unit.h"

static void check_near(const float *got, const float *expected, int64_t n, float bound) {
  for (int64_t i = 0; i < n; i++) {
    if (!(fabsf(got[i] - expected[i]) <= bound))
      fail_msg("%g is not %g (%lld of %lld)", (double)got[i], (double)expected[i], (long long)i,
               (long long)n);
  }
}

/* `edge` by `edge` places in a random order, some of them outside. */
static void make_places(int edge, int64_t n, int64_t *at) {
  for (int i = 0; i < edge * edge; i++) at[i] = i * n;
  for (int i = edge * edge - 1; i > 0; i--) {
    const int64_t j = between(0, i), swapped = at[i];
    at[i] = at[j];
    at[j] = swapped;
  }
  for (int i = 0; i < edge * edge; i++)
    if (between(0, 5) == 0) at[i] = -1;
}

typedef void (*transform)(const pare_f32_winograd_tile *tile);

static void check_transform(pare_f32_winograd_tile tile, int64_t n_to, const float *before,
                            transform (*of)(const pare_f32_winograd_kernel *kernel), float bound) {
  float *expected = copy_of(before, n_to);
  tile.to = expected;
  of(pare_f32_winograd_at(0))(&tile);
  for (int v = 1; v < pare_f32_winograd_count(); v++) {
    float *got = copy_of(before, n_to);
    tile.to = got;
    of(pare_f32_winograd_at(v))(&tile);
    check_near(got, expected, n_to, bound);
    free(got);
  }
  free(expected);
}

static transform points_of(const pare_f32_winograd_kernel *kernel) {
  return kernel->points;
}
static transform places_of(const pare_f32_winograd_kernel *kernel) {
  return kernel->places;
}
static transform spread_of(const pare_f32_winograd_kernel *kernel) {
  return kernel->spread;
}

/* Rows of B^T have magnitudes of at most 10 in all, of A^T 19, of A 15: sums stay below their squares, and take some
 * ten roundings. */
static void every_variant_transforms_as_the_reference(void **state) {
  (void)state;
  for (int i = 0; i < 60; i++) {
    const int64_t rows = between(1, 5), n = 16 * between(1, 4), image = rows * 36 * n,
                  points = 36 * (rows * n + 16);
    int64_t at[36];
    float *images = random_n(image), *m = random_n(points), *bias = random_n(rows);
    pare_f32_winograd_tile tile = {.rows = rows,
                                   .n = n,
                                   .at = at,
                                   .image_row = 36 * n,
                                   .point = rows * n + 16,
                                   .point_row = n,
                                   .from = images};
    make_places(6, n, at);
    check_transform(tile, points, m, points_of, 100 * 10.0f / 16777216);
    make_places(4, n, at);
    check_transform(tile, points, m, spread_of, 225 * 10.0f / 16777216);
    tile.from = m;
    tile.accumulate = i % 2;
    tile.row_bias = i % 3 ? bias : NULL;
    check_transform(tile, image, images, places_of, 361 * 10.0f / 16777216);
    free(images), free(m), free(bias);
  }
}

typedef struct result {
  float *y, *dx, *dw;
} result;

static void free_result(result *r) {
  free(r->y), free(r->dx), free(r->dw);
}

typedef struct given {
  int64_t n_x, n_y, n_w;
  float *x, *w, *bias, *dy, *dx, *dw; /* what gradients are added to last */
} given;

/* By variant `i`; -1: product by product. */
static result run(pare_context *ctx, pare_f32_batch_conv conv, const given *g, int i, int n_threads,
                  bool accumulate) {
  pare_arena arena;
  size_t bytes;
  pare_arena_init(&arena, ctx);
  conv.numerics = i < 0 ? PARE_EXACT : PARE_FAST;
  assert_int_equal(pare_pool_new(ctx, n_threads, &conv.pool), PARE_OK);
  assert_int_equal(pare_f32_batch_conv_plan(&conv, &arena), PARE_OK);
  if (i < 0) assert_null(conv.winograd.kernel);
  if (i >= 0) {
    conv.winograd.kernel = pare_f32_winograd_at(i);
    assert_int_equal(pare_f32_winograd_plan(&conv, &arena), PARE_OK);
  }
  assert_int_equal(pare_f32_batch_conv_scratch(&conv, ctx, &bytes), PARE_OK);
  char *scratch = malloc(bytes);
  result r = {random_n(g->n_y), copy_of(g->dx, g->n_x), copy_of(g->dw, g->n_w)};
  memset(scratch, 0xee, bytes);
  pare_f32_batch_conv_forward(&conv, g->x, g->w, g->bias, r.y, scratch);
  memset(scratch, 0xee, bytes);
  pare_f32_batch_conv_grad_input(&conv, g->w, g->dy, accumulate, r.dx, scratch);
  memset(scratch, 0xee, bytes);
  pare_f32_batch_conv_grad_weight(&conv, g->x, g->dy, r.dw, scratch);
  free(scratch);
  pare_pool_free(conv.pool);
  pare_arena_free(&arena);
  return r;
}

/* Sums of `terms` random products below 1 are of the size of their root; the transforms' factors make an error of 2^-24
 * some hundred times as large (at most 180 was seen). */
static float bound_of(int64_t terms) {
  return 400.0f / 16777216 * sqrtf((float)terms);
}

static void check_conv(pare_context *ctx, const pare_f32_batch_conv *conv, bool accumulate) {
  const pare_window *w = &conv->window;
  given g = {.n_x = conv->n * conv->c * w->in[0] * w->in[1],
             .n_y = conv->n * conv->o * w->out[0] * w->out[1],
             .n_w = conv->o * conv->c * 9};
  g.x = random_n(g.n_x), g.w = random_n(g.n_w), g.bias = random_n(conv->o), g.dy = random_n(g.n_y);
  g.dx = random_n(g.n_x), g.dw = random_n(g.n_w);
  result plain = run(ctx, *conv, &g, -1, 1, accumulate);
  for (int i = 0; i < pare_f32_winograd_count(); i++) {
    result one = run(ctx, *conv, &g, i, 1, accumulate), three = run(ctx, *conv, &g, i, 3, accumulate);
    check_near(one.y, plain.y, g.n_y, bound_of(9 * conv->c));
    check_near(one.dx, plain.dx, g.n_x, bound_of(9 * conv->o));
    check_near(one.dw, plain.dw, g.n_w, bound_of(g.n_y / conv->o));
    assert_memory_equal(three.y, one.y, (size_t)g.n_y * sizeof(float));
    assert_memory_equal(three.dx, one.dx, (size_t)g.n_x * sizeof(float));
    assert_memory_equal(three.dw, one.dw, (size_t)g.n_w * sizeof(float));
    free_result(&one), free_result(&three);
  }
  free_result(&plain);
  free(g.x), free(g.w), free(g.bias), free(g.dy), free(g.dx), free(g.dw);
}

static pare_f32_batch_conv random_conv(void) {
  pare_f32_batch_conv conv = {.n = 16 * between(1, 3), .c = between(1, 40), .o = between(1, 40), .groups = 1};
  for (int i = 0; i < 2; i++) {
    pare_window *w = &conv.window;
    w->kernel[i] = 3;
    w->stride[i] = w->dilation[i] = 1;
    w->pad_begin[i] = between(0, 3);
    w->pad_end[i] = between(0, 3);
    do w->in[i] = between(1, 11);
    while (w->in[i] + w->pad_begin[i] + w->pad_end[i] < 3);
    w->out[i] = w->in[i] + w->pad_begin[i] + w->pad_end[i] - 2;
  }
  return conv;
}

static void convolutions_are_those_of_products(void **state) {
  for (int i = 0; i < 40; i++) {
    const pare_f32_batch_conv conv = random_conv();
    check_conv(*state, &conv, i % 2);
  }
}

static const pare_f32_batch_conv suitable = {
    .n = 16,
    .c = 8,
    .o = 8,
    .groups = 1,
    .numerics = PARE_FAST,
    .window = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {7, 7}, {7, 7}}};

static bool is_taken(pare_context *ctx, const pare_f32_batch_conv *like) {
  pare_f32_batch_conv conv = *like;
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_f32_batch_conv_plan(&conv, &arena), PARE_OK);
  pare_arena_free(&arena);
  return conv.winograd.kernel != NULL;
}

static void only_convolutions_that_suit_are_taken(void **state) {
  const bool has_vectors = pare_f32_winograd_count() > 1;
  pare_f32_batch_conv conv = suitable;
  assert_int_equal(is_taken(*state, &conv), has_vectors);
  conv.numerics = PARE_EXACT;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.groups = 2;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.c = 7;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.window.stride[1] = 2, conv.window.out[1] = 4;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.window.kernel[0] = 5, conv.window.out[0] = 5;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.window.dilation[0] = 2, conv.window.out[0] = 5;
  assert_false(is_taken(*state, &conv));
  conv = suitable, conv.window.in[0] = conv.window.out[0] = 5;
  conv.window.in[1] = conv.window.out[1] = 5; /* four tiles for 25 sums */
  assert_false(is_taken(*state, &conv));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_variant_transforms_as_the_reference),
      cmocka_unit_test(convolutions_are_those_of_products),
      cmocka_unit_test(only_convolutions_that_suit_are_taken),
  };
  return cmocka_run_group_tests(tests, context_setup, context_teardown);
}
