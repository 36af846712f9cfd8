/* Sparse products: every variant against the plain reference, bit for bit, over random shapes, densities and every
 * tail; convolution and matrix products with sparse weights against their dense forms, bit for bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_conv/f32_conv.h"
#include "kernels/f32_transpose/f32_transpose.h"
#include "onnx/wire.h"
#include "session/session.h"
#include "support/onnx_maker.h"
#include "support/random.h"
#include "support/unit.h"

/* [n] with about `percent` of them not zero. */
static float *random_sparse(int64_t n, int64_t percent) {
  float *w = random_n(n);
  for (int64_t i = 0; i < n; i++)
    if (between(0, 99) >= percent) w[i] = i % 2 ? 0.0f : -0.0f;
  return w;
}

typedef struct product {
  int64_t m, k, n, percent;
  bool bias, clamp;
  int64_t block;
} product;

/* Into fresh memory with a guard column, which must stay. */
static float *run_product(const product *p, const pare_f32_sparse *a, const float *x, const float *bias,
                          pare_f32_spmm_fn fn, pare_pool *pool) {
  const uint32_t before = random_seed;
  random_seed = 99;
  float *c = random_n(p->m * (p->n + 1));
  random_seed = before;
  const pare_f32_spmm_args args = {.a = a,
                                   .m = p->m,
                                   .n = p->n,
                                   .x = x,
                                   .c = c,
                                   .c_row = p->n + 1,
                                   .row_bias = p->bias ? bias : NULL,
                                   .clamp_low = p->clamp ? 0.0f : -INFINITY,
                                   .clamp_high = p->clamp ? 1.5f : INFINITY};
  if (fn)
    fn(&args);
  else
    pare_f32_spmm(pool, PARE_EXACT, &args);
  return c;
}

static void check_product(pare_context *ctx, const product *p) {
  pare_arena arena;
  pare_pool *pool;
  pare_f32_sparse a;
  float *w = random_sparse(p->m * p->k, p->percent), *x = random_n(p->k * p->n), *bias = random_n(p->m);
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_pool_new(ctx, 3, &pool), PARE_OK);
  const pare_f32_sparse_source source = {
      .a = w, .a_row = p->k, .a_column = 1, .m = p->m, .k = p->k, .place_step = p->n, .block = p->block};
  assert_int_equal(pare_f32_sparse_pack(&arena, &source, &a), PARE_OK);
  const size_t size = (size_t)(p->m * (p->n + 1)) * sizeof(float);
  float *expected = run_product(p, &a, x, bias, pare_f32_spmm_at(0)->run, NULL);
  for (int i = 1; i <= pare_f32_spmm_count(); i++) {
    const bool whole = i == pare_f32_spmm_count(), fast = !whole && pare_f32_spmm_at(i)->fast;
    float *c = run_product(p, &a, x, bias, whole ? NULL : pare_f32_spmm_at(i)->run, pool);
    if (!fast) assert_memory_equal(c, expected, size);
    for (size_t e = 0; fast && e < size / sizeof(float); e++) {
      /* factors are below 1: every one of k roundings moves a sum below k by at most k / 2^24 */
      const float bound = (float)(p->k + 2) * (float)(p->k + 2) / 16777216.0f;
      assert_true(fabsf(c[e] - expected[e]) <= bound);
    }
    free(c);
  }
  free(w), free(x), free(bias), free(expected);
  pare_pool_free(pool);
  pare_arena_free(&arena);
}

static void every_variant_gives_the_bytes_of_the_reference(void **state) {
  for (int64_t n = 1; n <= 140; n++) {
    const product p = {1 + n % 7, 1 + n * 5 % 31, n, n * 13 % 101, n % 2, n % 3 == 0, 20};
    check_product(*state, &p);
  }
  for (int i = 0; i < 60; i++) {
    const product p = {between(1, 40), between(0, 200), between(1, 300), between(0, 100),
                       i % 2,          i % 3 == 0,      between(1, 100)};
    check_product(*state, &p);
  }
}

static void the_reference_sums_the_nonzeros(void **state) {
  pare_arena arena;
  pare_f32_sparse a;
  pare_arena_init(&arena, *state);
  const float w[6] = {2, 0, -1, 0, 0, 0.5f}, x[6] = {1, 10, 2, INFINITY, 3, 30};
  const float bias[2] = {100, 0}; /* row 1 of X has an infinity, which only zero weights see */
  const pare_f32_sparse_source source = {
      .a = w, .a_row = 3, .a_column = 1, .m = 2, .k = 3, .place_step = 2, .block = 3};
  assert_int_equal(pare_f32_sparse_pack(&arena, &source, &a), PARE_OK);
  assert_int_equal(a.n_nonzeros, 3);
  float c[4];
  const pare_f32_spmm_args args = {.a = &a,
                                   .m = 2,
                                   .n = 2,
                                   .x = x,
                                   .c = c,
                                   .c_row = 2,
                                   .row_bias = bias,
                                   .clamp_low = -INFINITY,
                                   .clamp_high = 80};
  pare_f32_spmm_at(0)->run(&args);
  const float expected[4] = {80, 80, 1.5f, 15};
  assert_memory_equal(c, expected, sizeof c);
  pare_arena_free(&arena);
}

static pare_f32_conv random_conv(void) {
  pare_f32_conv conv = {.n = between(1, 3), .groups = between(0, 2) ? 1 : 2};
  conv.c = conv.groups * between(conv.groups > 1 ? 2 : 1, between(0, 3) ? 5 : 120);
  conv.o = conv.groups * between(1, 9);
  for (int i = 0; i < 2; i++) {
    pare_window *w = &conv.window;
    w->kernel[i] = between(1, 4);
    w->stride[i] = between(1, 3);
    w->dilation[i] = between(1, 2);
    w->pad_begin[i] = between(0, 3);
    w->pad_end[i] = between(0, 3);
    if (conv.n == 3) { /* as they are */
      w->kernel[i] = w->stride[i] = 1;
      w->pad_begin[i] = w->pad_end[i] = 0;
    }
    const int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    w->in[i] = between(extent, extent + 20);
    w->out[i] = (w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent) / w->stride[i] + 1;
  }
  return conv;
}

static float *run_conv(pare_context *ctx, pare_f32_conv *conv, const float *x, const float *w,
                       const float *bias) {
  size_t bytes;
  const int64_t n_y = conv->n * conv->o * conv->n_columns;
  assert_int_equal(pare_f32_conv_scratch(conv, ctx, false, &bytes), PARE_OK);
  float *scratch = malloc(bytes), *y = random_n(n_y);
  memset(scratch, 0xee, bytes);
  pare_f32_conv_forward(conv, x, w, bias, 0.0f, 1.5f, y, scratch);
  free(scratch);
  return y;
}

static void convolution_with_sparse_weights_gives_the_dense_bytes(void **state) {
  int n_sparse = 0;
  for (int i = 0; i < 300; i++) {
    pare_arena arena;
    pare_f32_conv conv = random_conv();
    pare_arena_init(&arena, *state);
    assert_int_equal(pare_pool_new(*state, i % 4 == 3 ? 3 : 1, &conv.pool), PARE_OK);
    assert_int_equal(pare_f32_conv_plan(&conv, &arena), PARE_OK);
    float *x = random_n(conv.n * conv.c * conv.window.in[0] * conv.window.in[1]),
          *w = random_sparse(conv.o * conv.k, between(0, 45)), *bias = random_n(conv.o);
    float *expected = run_conv(*state, &conv, x, w, bias);
    assert_int_equal(pare_f32_conv_use_sparse(&conv, &arena, w), PARE_OK);
    n_sparse += conv.sparse != NULL;
    float *y = run_conv(*state, &conv, x, w, bias);
    assert_memory_equal(y, expected, (size_t)(conv.n * conv.o * conv.n_columns) * sizeof(float));
    free(x), free(w), free(bias), free(expected), free(y);
    pare_pool_free(conv.pool);
    pare_arena_free(&arena);
  }
  assert_true(n_sparse > 200);
}

/* Prune's pattern 2:4 takes the sparse kernels wherever rows are whole vectors, or nearly. */
static void two_weights_of_four_are_sparse_enough(void **state) {
  static const struct {
    int64_t size;
    bool sparse;
  } images[] = {{32, true}, {28, true}, {16, true}, {14, true}, {7, false}, {3, false}};
  for (size_t i = 0; i < PARE_COUNT(images); i++) {
    pare_arena arena;
    const int64_t size = images[i].size;
    pare_f32_conv conv = {
        .window = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {size, size}, {size, size}}, .n = 1, .groups = 1};
    conv.c = conv.o = 8;
    pare_arena_init(&arena, *state);
    assert_int_equal(pare_f32_conv_plan(&conv, &arena), PARE_OK);
    float *w = random_n(conv.o * conv.k);
    assert_false(pare_f32_conv_wants_sparse(&conv, w));
    for (int64_t j = 0; j < conv.o * conv.k; j++)
      if ((j + j / 4) % 4 < 2) w[j] = 0;
    assert_int_equal(pare_f32_conv_wants_sparse(&conv, w), images[i].sparse);
    free(w);
    pare_arena_free(&arena);
  }
  assert_true(pare_f32_spmm_wins(32 * 16, 32, 32, 64, 64));
  assert_false(pare_f32_spmm_wins(32 * 16, 32, 32, 1, 16));
}

/* y = op(x [m,k], w, bias): the weights are constant, `percent` of them not zero. */
static pare_model *product_model(pare_context *ctx, const product *p, bool gemm, bool transposed) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const size_t node =
      make_node_begin(&graph, gemm ? "Gemm" : "MatMul", "product", gemm ? "x,w,b" : "x,w", "y");
  if (gemm) make_attr_int(&graph, "transB", transposed);
  if (gemm) make_attr_float(&graph, "alpha", p->clamp ? 1.5f : 1.0f);
  pare_wire_end(&graph, node);
  const int64_t x[2] = {p->m, p->k}, y[2] = {p->m, p->n},
                w[2] = {transposed ? p->n : p->k, transposed ? p->k : p->n};
  make_value(&graph, MAKE_INPUT, "x", 1, x, 2);
  make_value(&graph, MAKE_OUTPUT, "y", 1, y, 2);
  float *weights = random_sparse(p->k * p->n, p->percent), *bias = random_n(p->n);
  make_tensor(&graph, MAKE_INITIALIZER, "w", 1, w, 2, weights, (size_t)(p->k * p->n) * sizeof(float));
  make_tensor(&graph, MAKE_INITIALIZER, "b", 1, &p->n, 1, bias, (size_t)p->n * sizeof(float));
  free(weights), free(bias);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

/* Runs the model; a training session is dense. */
static float *run_model(const pare_model *model, const float *x, bool training, bool *sparse) {
  const pare_plan_options options = {.batch = 1, .fuse = true, .training = training};
  pare_session *session;
  if (pare_session_plan(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(model->ctx));
  const pare_tensor_view in = pare_session_input(session, 0), out = pare_session_output(session, 0);
  memcpy(in.data, x, in.len_bytes);
  assert_int_equal(pare_session_run(session), PARE_OK);
  *sparse = session->steps[0].call.sparse;
  float *y = malloc(out.len_bytes + 1);
  memcpy(y, out.data, out.len_bytes);
  pare_session_free(session);
  return y;
}

static void products_with_sparse_weights_give_the_dense_bytes(void **state) {
  for (int i = 0; i < 60; i++) {
    const product p = {.m = between(16, 70),
                       .k = between(1, 400),
                       .n = between(1, 40),
                       .percent = i % 10 == 9 ? 100 : between(0, 50),
                       .bias = true,
                       .clamp = i % 5 == 0};
    const bool gemm = i % 3 > 0;
    pare_model *model = product_model(*state, &p, gemm, gemm && i % 2);
    float *x = random_n(p.m * p.k);
    bool sparse, dense;
    float *y = run_model(model, x, false, &sparse), *expected = run_model(model, x, true, &dense);
    assert_memory_equal(y, expected, (size_t)(p.m * p.n) * sizeof(float));
    assert_false(dense);
    if (p.percent == 100) assert_false(sparse);
    if (p.percent < 10 && p.k * p.n > 200) assert_true(sparse);
    free(x), free(y), free(expected);
    pare_model_free(model);
  }
}

static void transposing_moves_every_element(void **state) {
  (void)state;
  for (int64_t rows = 1; rows < 40; rows += 3) {
    for (int64_t columns = 1; columns < 20; columns += 2) {
      const int64_t x_row = columns + 2, y_row = rows + 1;
      float *x = random_n(rows * x_row), *y = random_n(columns * y_row),
            *before = malloc((size_t)(columns * y_row) * 4);
      memcpy(before, y, (size_t)(columns * y_row) * 4);
      pare_f32_transpose(x, x_row, rows, columns, y, y_row);
      for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i < rows; i++) assert_memory_equal(&y[j * y_row + i], &x[i * x_row + j], 4);
        assert_memory_equal(&y[j * y_row + rows], &before[j * y_row + rows], 4);
      }
      free(x), free(y), free(before);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_variant_gives_the_bytes_of_the_reference),
      cmocka_unit_test(the_reference_sums_the_nonzeros),
      cmocka_unit_test(convolution_with_sparse_weights_gives_the_dense_bytes),
      cmocka_unit_test(two_weights_of_four_are_sparse_enough),
      cmocka_unit_test(products_with_sparse_weights_give_the_dense_bytes),
      cmocka_unit_test(transposing_moves_every_element),
  };
  return cmocka_run_group_tests(tests, context_setup, context_teardown);
}
