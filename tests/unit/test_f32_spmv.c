/* Sparse matrix times vector: every variant, in the form that it takes, and the reference in each of them, against
 * f32_spmm's reference, bit for bit; packing when memory runs out; Gemm and MatMul of one and two rows against their
 * dense forms. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f32_spmm/f32_spmm.h"
#include "kernels/f32_spmv/f32_spmv.h"
#include "onnx/wire.h"
#include "session/session.h"
#include "support/failing_alloc.h"
#include "support/onnx_maker.h"
#include "support/random.h"
#include "support/unit.h"

/* [n], about `percent` of them not zero; a number more than asked for. */
static float *random_sparse(int64_t n, int64_t percent) {
  float *x = calloc((size_t)n + 1, sizeof(float));
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++)
    if (between(0, 99) < percent) x[i] = random_f32();
  return x;
}

/* What is to come out, by f32_spmm over one column. */
static void expect(pare_context *ctx, const float *w, int64_t m, int64_t k, const float *x, const float *bias,
                   float high, float *y) {
  pare_arena arena;
  pare_f32_sparse a;
  pare_arena_init(&arena, ctx);
  const pare_f32_sparse_source source = {
      .a = w, .a_row = k, .a_column = 1, .m = m, .k = k, .place_step = 1, .block = 64};
  assert_int_equal(pare_f32_sparse_pack(&arena, &source, &a), PARE_OK);
  const pare_f32_spmm_args args = {.a = &a,
                                   .m = m,
                                   .n = 1,
                                   .x = x,
                                   .c = y,
                                   .c_row = 1,
                                   .row_bias = bias,
                                   .clamp_low = -INFINITY,
                                   .clamp_high = high};
  pare_f32_spmm_at(0)->run(&args);
  pare_arena_free(&arena);
}

/* w[m,k], which is freed. */
static void check_weights(pare_context *ctx, float *w, int64_t m, int64_t k, bool with_bias, float infinite) {
  float *x = random_sparse(k, 100), *bias = random_sparse(m, 100), *expected = random_sparse(m, 100),
        *y = random_sparse(m, 100);
  const float high = with_bias ? 0.5f : INFINITY;
  if (infinite != 0.0f && k > 3) x[0] = x[3] = infinite; /* only the non-zeros of their columns see them */
  expect(ctx, w, m, k, x, with_bias ? bias : NULL, high, expected);
  for (int v = 0; v < pare_f32_spmv_count(); v++) {
    const pare_f32_spmv_kernel *kernel = pare_f32_spmv_at(v);
    pare_arena arena;
    pare_f32_spmv a;
    pare_arena_init(&arena, ctx);
    assert_int_equal(pare_f32_spmv_pack(&arena, kernel, w, k, 1, m, k, &a), PARE_OK);
    memcpy(a.x, x, (size_t)k * sizeof(float));
    const pare_f32_spmv_args args = {&a, y, with_bias ? bias : NULL, -INFINITY, high};
    for (int plain = 0; plain < 2; plain++) {
      memset(y, 0xee, (size_t)m * sizeof(float));
      (plain ? pare_f32_spmv_at(0) : kernel)->run(&args);
      for (int64_t i = 0; i < m; i++) /* a NaN has many forms */
        if (expected[i] == expected[i] || y[i] == y[i])
          assert_memory_equal(&y[i], &expected[i], sizeof(float));
    }
    pare_arena_free(&arena);
  }
  free(w), free(x), free(bias), free(expected), free(y);
}

static void check(pare_context *ctx, int64_t m, int64_t k, int64_t percent, bool with_bias, float infinite) {
  check_weights(ctx, random_sparse(m * k, percent), m, k, with_bias, infinite);
}

static void every_variant_gives_the_bytes_of_a_plain_sum(void **state) {
  for (int64_t m = 1; m <= 70; m += 3)
    for (int64_t k = 1; k <= 100; k += 7) check(*state, m, k, (m * 7 + k * 3) % 101, m % 2, 0.0f);
  for (int i = 0; i < 20; i++) check(*state, between(1, 300), between(1, 500), between(0, 100), i % 2, 0.0f);
  check(*state, 40, 70, 30, true, INFINITY);
  check(*state, 40, 70, 30, false, NAN);
  check(*state, 3, PARE_F32_SPMV_MAX_K, 1, false, 0.0f);
}

/* Only rows and columns that `step` divides, counted from the last one, have weights: none where step is 0. */
static float *with_empty_ones(int64_t m, int64_t k, int64_t step) {
  float *w = random_sparse(m * k, 60);
  for (int64_t i = 0; i < m * k; i++)
    if (!step || (m - 1 - i / k) % step || (k - 1 - i % k) % step) w[i] = 0.0f;
  return w;
}

static void rows_and_columns_without_weights_change_nothing(void **state) {
  for (int64_t m = 1; m <= 41; m += 4)
    for (int64_t step = 0; step <= 4; step++)
      for (int with_bias = 0; with_bias < 2; with_bias++) {
        check_weights(*state, with_empty_ones(m, 67, step), m, 67, with_bias, 0.0f);
        check_weights(*state, with_empty_ones(m, 67, step), m, 67, with_bias, INFINITY);
      }
  const int64_t k = PARE_F32_SPMV_MAX_K; /* its first and last column alone */
  float *w = with_empty_ones(2, k, k - 1);
  w[0] = 0.5f, w[2 * k - 1] = -0.25f;
  check_weights(*state, w, 2, k, true, 0.0f);
}

static void packing_without_memory_is_a_status(void **state) {
  (void)state;
  const int64_t m = 700, k = 1300; /* so that most arrays are blocks of the arena themselves */
  float *w = random_sparse(m * k, 10);
  for (int v = 0; v < pare_f32_spmv_count(); v++) {
    for (size_t fail_at = 0;; fail_at++) {
      pare_context *ctx = failing_context(fail_at);
      if (ctx) {
        pare_arena arena;
        pare_f32_spmv a;
        pare_arena_init(&arena, ctx);
        const pare_status status = pare_f32_spmv_pack(&arena, pare_f32_spmv_at(v), w, k, 1, m, k, &a);
        assert_int_equal(status, failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK);
        pare_arena_free(&arena);
        pare_context_free(ctx);
      }
      assert_int_equal(failing_live_bytes(), 0);
      assert_int_equal(failing_wrong_sizes(), 0);
      if (!failing_happened()) break;
    }
  }
  free(w);
}

static pare_model *product_model(pare_context *ctx, int64_t m, int64_t k, int64_t n, bool gemm) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const size_t node =
      make_node_begin(&graph, gemm ? "Gemm" : "MatMul", "product", gemm ? "x,w,b" : "x,w", "y");
  if (gemm) make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, node);
  const int64_t x[2] = {m, k}, y[2] = {m, n}, w[2] = {gemm ? n : k, gemm ? k : n};
  make_value(&graph, MAKE_INPUT, "x", 1, x, 2);
  make_value(&graph, MAKE_OUTPUT, "y", 1, y, 2);
  float *weights = random_sparse(k * n, 12), *bias = random_sparse(n, 100);
  make_tensor(&graph, MAKE_INITIALIZER, "w", 1, w, 2, weights, (size_t)(k * n) * sizeof(float));
  make_tensor(&graph, MAKE_INITIALIZER, "b", 1, &n, 1, bias, (size_t)n * sizeof(float));
  free(weights), free(bias);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

static void products_of_one_and_two_rows_give_the_dense_bytes(void **state) {
  for (int i = 0; i < 8; i++) {
    const int64_t m = 1 + i % 2, k = 90 + i, n = 70 + 3 * i;
    pare_model *model = product_model(*state, m, k, n, i / 2 % 2);
    float *x = random_sparse(m * k, 100), *results[2];
    for (int training = 0; training < 2; training++) { /* a training session is dense */
      const pare_plan_options options = {.batch = 1, .fuse = true, .training = training};
      pare_session *session;
      assert_int_equal(pare_session_plan(model, &options, &session), PARE_OK);
      memcpy(pare_session_input(session, 0).data, x, (size_t)(m * k) * sizeof(float));
      assert_int_equal(pare_session_run(session), PARE_OK);
      assert_int_equal(session->steps[0].call.sparse, !training);
      results[training] = random_sparse(m * n, 100);
      memcpy(results[training], pare_session_output(session, 0).data, (size_t)(m * n) * sizeof(float));
      pare_session_free(session);
    }
    assert_memory_equal(results[0], results[1], (size_t)(m * n) * sizeof(float));
    free(x), free(results[0]), free(results[1]);
    pare_model_free(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_variant_gives_the_bytes_of_a_plain_sum),
      cmocka_unit_test(rows_and_columns_without_weights_change_nothing),
      cmocka_unit_test(packing_without_memory_is_a_status),
      cmocka_unit_test(products_of_one_and_two_rows_give_the_dense_bytes),
  };
  return cmocka_run_group_tests(tests, context_setup, context_teardown);
}
