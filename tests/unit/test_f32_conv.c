/* Convolution kernels against plain loops over random geometries: forward bit for bit in the stated order
 * of summation, with one thread and with three; gradients against plain loops in f64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_conv/f32_conv.h"
#include "kernels/f32_conv/f32_conv_last.h"
#include "kernels/f32_depthwise/f32_depthwise.h"
#include "support/random.h"
#include "support/unit.h"

static pare_f32_conv random_conv(void) {
  pare_f32_conv conv = {.n = between(1, 3)};
  const int64_t kind = between(0, 3);
  conv.groups = kind == 0 ? between(2, 6) : kind == 1 ? between(1, 3) : 1;
  conv.c = conv.groups * (kind == 0 ? 1 : between(1, 4));
  conv.o = conv.groups * between(1, kind == 0 ? 2 : 9);
  for (int i = 0; i < 2; i++) {
    pare_window *w = &conv.window;
    w->kernel[i] = between(1, 4);
    w->stride[i] = between(1, 3);
    w->dilation[i] = between(1, 2);
    w->pad_begin[i] = between(0, 3);
    w->pad_end[i] = between(0, 3);
    const int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    do w->in[i] = between(1, 21);
    while (w->in[i] + w->pad_begin[i] + w->pad_end[i] < extent);
    w->out[i] = (w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent) / w->stride[i] + 1;
  }
  return conv;
}

/* Index into x of output p and kernel place (i, j), -1: padding. */
static int64_t x_at(const pare_window *w, int64_t oy, int64_t ox, int64_t i, int64_t j) {
  const int64_t y = oy * w->stride[0] - w->pad_begin[0] + i * w->dilation[0],
                x = ox * w->stride[1] - w->pad_begin[1] + j * w->dilation[1];
  return y < 0 || y >= w->in[0] || x < 0 || x >= w->in[1] ? -1 : y * w->in[1] + x;
}

/* Calls visit for every product y[iy] += w[iw] * x[ix], in the stated order for each y. */
static void each_product(const pare_f32_conv *conv,
                         void (*visit)(void *arg, int64_t iy, int64_t iw, int64_t ix), void *arg) {
  const pare_window *w = &conv->window;
  const int64_t cg = conv->c / conv->groups, og = conv->o / conv->groups,
                n_k = cg * w->kernel[0] * w->kernel[1];
  for (int64_t n = 0; n < conv->n; n++)
    for (int64_t o = 0; o < conv->o; o++)
      for (int64_t p = 0; p < w->out[0] * w->out[1]; p++)
        for (int64_t k = 0; k < n_k; k++) {
          const int64_t c = k / (w->kernel[0] * w->kernel[1]), i = k / w->kernel[1] % w->kernel[0],
                        j = k % w->kernel[1];
          const int64_t at = x_at(w, p / w->out[1], p % w->out[1], i, j);
          if (at < 0) continue;
          visit(arg, (n * conv->o + o) * w->out[0] * w->out[1] + p, o * n_k + k,
                (n * conv->c + o / og * cg + c) * w->in[0] * w->in[1] + at);
        }
}

typedef struct arrays {
  const float *x, *w, *dy;
  float *y;
  double *dx, *dw;
} arrays;

static void forward_product(void *arg, int64_t iy, int64_t iw, int64_t ix) {
  const arrays *all = arg;
  const float product = all->w[iw] * all->x[ix];
  all->y[iy] = all->y[iy] + product;
}

static void gradient_product(void *arg, int64_t iy, int64_t iw, int64_t ix) {
  const arrays *all = arg;
  all->dx[ix] += (double)all->w[iw] * (double)all->dy[iy];
  all->dw[iw] += (double)all->x[ix] * (double)all->dy[iy];
}

static void check_near(const float *got, const double *expected, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!(fabs((double)got[i] - expected[i]) <= 1e-4 * (1 + fabs(expected[i]))))
      fail_msg("%g is not %g", (double)got[i], expected[i]);
  }
}

static void check_conv(pare_context *ctx, pare_f32_conv conv, int n_threads, bool activation) {
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_pool_new(ctx, n_threads, &conv.pool), PARE_OK);
  assert_int_equal(pare_f32_conv_plan(&conv, &arena), PARE_OK);
  const pare_window *w = &conv.window;
  const int64_t n_x = conv.n * conv.c * w->in[0] * w->in[1], n_w = conv.o * conv.k,
                n_y = conv.n * conv.o * conv.n_columns;
  float *x = random_n(n_x), *weights = random_n(n_w), *bias = random_n(conv.o), *y = random_n(n_y),
        *dy = random_n(n_y);
  const float low = activation ? 0.0f : -INFINITY, high = activation ? 1.5f : INFINITY;
  size_t bytes;
  assert_int_equal(pare_f32_conv_scratch(&conv, ctx, true, &bytes), PARE_OK);
  float *scratch = malloc(bytes);
  memset(scratch, 0xee, bytes);
  pare_f32_conv_forward(&conv, x, weights, activation ? bias : NULL, low, high, y, scratch);
  arrays all = {x, weights, dy, calloc((size_t)n_y, 4), calloc((size_t)n_x, 8), calloc((size_t)n_w, 8)};
  each_product(&conv, forward_product, &all);
  for (int64_t i = 0; i < n_y; i++) {
    float v = all.y[i];
    if (activation) v = v + bias[i / conv.n_columns % conv.o];
    v = v < low ? low : v;
    all.y[i] = v > high ? high : v;
  }
  assert_memory_equal(y, all.y, (size_t)n_y * sizeof(float));

  float *dx = calloc((size_t)n_x, 4), *dw = calloc((size_t)n_w, 4), *db = calloc((size_t)conv.o, 4);
  double *db64 = calloc((size_t)conv.o, 8);
  each_product(&conv, gradient_product, &all);
  for (int64_t i = 0; i < n_y; i++) db64[i / conv.n_columns % conv.o] += (double)dy[i];
  pare_f32_conv_grad_input(&conv, weights, dy, dx, scratch);
  pare_f32_conv_grad_weight(&conv, x, dy, dw, scratch);
  pare_f32_conv_grad_bias(&conv, dy, db);
  check_near(dx, all.dx, n_x);
  check_near(dw, all.dw, n_w);
  check_near(db, db64, conv.o);
  free(x), free(weights), free(bias), free(y), free(dy), free(scratch), free(all.y), free(all.dx),
      free(all.dw);
  free(dx), free(dw), free(db), free(db64);
  pare_pool_free(conv.pool);
  pare_arena_free(&arena);
}

/* [n,H,W,c] convolution in plain loops: kernel rows, then columns, then channels ascending. */
static float *plain_last(const pare_f32_conv_last *conv, const pare_f32_conv_last_args *args,
                         const float *weights) {
  const pare_window *w = &conv->window;
  float *y = random_n(conv->n * conv->o * conv->n_columns), *to = y;
  for (int64_t p = 0; p < conv->n * conv->n_columns; p++) {
    const int64_t image = p / conv->n_columns, oy = p % conv->n_columns / w->out[1], ox = p % w->out[1];
    for (int64_t o = 0; o < conv->o; o++, to++) {
      float sum = 0.0f;
      for (int64_t k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
        const int64_t at = x_at(w, oy, ox, k / w->kernel[1], k % w->kernel[1]);
        for (int64_t c = 0; c < conv->cg && at >= 0; c++) {
          const float *x = args->x + (image * w->in[0] * w->in[1] + at) * conv->c + o / conv->og * conv->cg;
          const float product = weights[(o * conv->cg + c) * w->kernel[0] * w->kernel[1] + k] * x[c];
          sum = sum + product;
        }
      }
      if (args->bias) sum = sum + args->bias[o];
      if (args->add) sum = sum + args->add[to - y];
      sum = sum < args->clamp_low ? args->clamp_low : sum;
      *to = sum > args->clamp_high ? args->clamp_high : sum;
    }
  }
  return y;
}

static void check_last(pare_context *ctx, const pare_f32_conv *like, int n_threads, int options) {
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  pare_f32_conv_last conv = {
      .window = like->window, .n = like->n, .c = like->c, .o = like->o, .groups = like->groups};
  assert_int_equal(pare_pool_new(ctx, n_threads, &conv.pool), PARE_OK);
  assert_int_equal(pare_f32_conv_last_plan(&conv, &arena), PARE_OK);
  const int64_t n_y = conv.n * conv.o * conv.n_columns;
  const size_t packed_len = pare_f32_conv_last_pack_len(&conv), bytes = pare_f32_conv_last_scratch(&conv);
  float *x = random_n(conv.n * conv.c * conv.window.in[0] * conv.window.in[1]),
        *weights = random_n(conv.o * conv.k), *bias = random_n(conv.o), *add = random_n(n_y),
        *y = random_n(n_y), *packed = malloc(packed_len * sizeof(float)), *scratch = malloc(bytes);
  memset(scratch, 0xee, bytes);
  pare_f32_conv_last_pack(&conv, weights, packed);
  const pare_f32_conv_last_args args = {.x = x,
                                        .packed = packed,
                                        .bias = options & 1 ? bias : NULL,
                                        .add = (options & 2) && !conv.depthwise ? add : NULL,
                                        .clamp_low = options & 4 ? 0.0f : -INFINITY,
                                        .clamp_high = options & 4 ? 1.5f : INFINITY,
                                        .y = y,
                                        .scratch = scratch};
  float *expected = plain_last(&conv, &args, weights);
  pare_f32_conv_last_forward(&conv, &args);
  assert_memory_equal(y, expected, (size_t)n_y * sizeof(float));
  const pare_f32_depthwise_args depthwise = {.window = &conv.window,
                                             .c = conv.c,
                                             .x = x,
                                             .w = packed,
                                             .bias = args.bias,
                                             .clamp_low = args.clamp_low,
                                             .clamp_high = args.clamp_high,
                                             .y = y,
                                             .n_rows = conv.window.out[0]};
  for (int v = 0; conv.depthwise && v < pare_f32_depthwise_count(); v++) {
    memset(y, 0xee, (size_t)n_y * sizeof(float));
    pare_f32_depthwise_at(v)->run(&depthwise);
    assert_memory_equal(y, expected, (size_t)(conv.n_columns * conv.c) * sizeof(float));
  }
  free(x), free(weights), free(bias), free(add), free(y), free(packed), free(scratch), free(expected);
  pare_pool_free(conv.pool);
  pare_arena_free(&arena);
}

static void channels_last_equals_plain_loops_for_random_geometries(void **state) {
  for (int i = 0; i < 500; i++) {
    const pare_f32_conv conv = random_conv();
    check_last(*state, &conv, i % 8 == 7 ? 3 : 1, i);
  }
  for (int64_t c = 3; c < 50; c++) { /* every tail of the depthwise vectors */
    pare_f32_conv conv = random_conv();
    conv.groups = conv.c = conv.o = c;
    conv.window.in[1] += 20;
    conv.window.out[1] += 20 / conv.window.stride[1];
    check_last(*state, &conv, c % 8 == 7 ? 3 : 1, (int)c);
  }
}

static void convolution_equals_plain_loops_for_random_geometries(void **state) {
  for (int i = 0; i < 400; i++) check_conv(*state, random_conv(), i % 8 == 7 ? 3 : 1, i % 2);
}

static void convolution_equals_plain_loops_for_the_shapes_of_the_example_networks(void **state) {
  static const struct {
    int64_t c, o, groups, in, kernel, stride, pad;
  } shapes[] = {{1, 6, 1, 28, 5, 1, 2},   {6, 16, 1, 14, 5, 1, 0},   {16, 32, 1, 28, 3, 2, 1},
                {16, 32, 1, 28, 1, 2, 0}, {32, 32, 32, 14, 3, 1, 1}, {64, 64, 64, 14, 3, 2, 1},
                {64, 128, 1, 7, 1, 1, 0}, {8, 8, 2, 9, 3, 1, 1}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    pare_f32_conv conv = {.n = 2, .c = shapes[i].c, .o = shapes[i].o, .groups = shapes[i].groups};
    for (int d = 0; d < 2; d++) {
      pare_window *w = &conv.window;
      w->kernel[d] = shapes[i].kernel, w->stride[d] = shapes[i].stride, w->dilation[d] = 1,
      w->in[d] = shapes[i].in;
      w->pad_begin[d] = w->pad_end[d] = shapes[i].pad;
      w->out[d] = (shapes[i].in + 2 * shapes[i].pad - shapes[i].kernel) / shapes[i].stride + 1;
    }
    check_conv(*state, conv, 1, true);
  }
}

static void sizes_that_overflow_are_refused(void **state) {
  pare_arena arena;
  pare_arena_init(&arena, *state);
  const int64_t huge = INT64_C(1) << 31;
  pare_f32_conv conv = {
      .n = 1,
      .c = 1,
      .o = 1,
      .groups = 1,
      .window = {{1, 1}, {1, 1}, {1, 1}, {huge, huge}, {huge, huge}, {1, 1}, {2 * huge + 1, 2 * huge + 1}}};
  assert_int_equal(pare_f32_conv_plan(&conv, &arena), PARE_BAD_MODEL);
  pare_f32_conv_last last = {.window = conv.window, .n = 1, .c = 1, .o = 1, .groups = 1};
  assert_int_equal(pare_f32_conv_last_plan(&last, &arena), PARE_BAD_MODEL);
  pare_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(channels_last_equals_plain_loops_for_random_geometries),
      cmocka_unit_test(convolution_equals_plain_loops_for_random_geometries),
      cmocka_unit_test(convolution_equals_plain_loops_for_the_shapes_of_the_example_networks),
      cmocka_unit_test(sizes_that_overflow_are_refused),
  };
  return cmocka_run_group_tests(tests, context_setup, context_teardown);
}
