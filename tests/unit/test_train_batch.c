/* Training with images side by side (batches of a multiple of 16, session/layout.c) against ONNX's order (other
 * batches): outputs and gradients of small graphs, sixteen images at once and eight at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/wire.h"
#include "support/onnx_maker.h"
#include "support/unit.h"
#include "train/train.h"

enum { N = 16, C = 3, H = 9, W = 7, O = 5 };

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) == PARE_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

static void fill(float *x, int64_t n, uint32_t seed) {
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
}

typedef struct follower {
  const char *op, *inputs;
  int64_t kernel[2], strides[2], pads[4], dilations[2];
  int64_t include_pad;
} follower;

/* h = Conv(x [n,C,H,W], w, b); y = follower(h). */
static pare_model *make(const follower *f, int64_t n) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  float w[O * C * 6], b[O];
  fill(w, O * C * 6, 1);
  fill(b, O, 2);
  size_t node = make_node_begin(&graph, "Conv", "conv", "x,w,b", "h");
  make_attr_ints(&graph, "pads", (const int64_t[]){1, 0, 1, 2}, 4);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, f->op, "follower", f->inputs, "y");
  if (f->kernel[0]) {
    make_attr_ints(&graph, "kernel_shape", f->kernel, 2);
    make_attr_ints(&graph, "strides", f->strides, 2);
    make_attr_ints(&graph, "pads", f->pads, 4);
    if (f->dilations[0]) make_attr_ints(&graph, "dilations", f->dilations, 2);
    if (f->include_pad) make_attr_int(&graph, "count_include_pad", 1);
  }
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_INPUT, "x", 1, (const int64_t[]){n, C, H, W}, 4);
  make_value(&graph, MAKE_OUTPUT, "y", 1, NULL, 0);
  make_tensor(&graph, MAKE_INITIALIZER, "w", 1, (const int64_t[]){O, C, 3, 2}, 4, w, sizeof w);
  make_tensor(&graph, MAKE_INITIALIZER, "b", 1, (const int64_t[]){O}, 1, b, sizeof b);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

typedef struct trained {
  float *y, *dx; /* [n,...] */
  float dw[O * C * 6], db[O];
  int64_t n_y; /* of one image */
} trained;

/* Images [first, first + n) of the sixteen, forward and backward. */
static void train(const follower *f, int64_t first, int64_t n, trained *out) {
  pare_model *model = make(f, n);
  const pare_plan_options options = {.batch = n, .training = true};
  pare_session *session;
  pare_tape *tape;
  if (pare_session_plan(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  if (pare_tape_new(session, true, &tape) != PARE_OK) fail_msg("%s", pare_error(ctx));
  const pare_tensor_view x = pare_session_input(session, 0), y = pare_session_output(session, 0);
  for (int64_t i = 0; i < n; i++)
    fill((float *)x.data + i * C * H * W, C * H * W, (uint32_t)(first + i + 10));
  assert_int_equal(pare_session_run(session), PARE_OK);
  out->n_y = (int64_t)(y.len_bytes / sizeof(float)) / n;
  float *dy = malloc(y.len_bytes);
  for (int64_t i = 0; i < n; i++) fill(dy + i * out->n_y, out->n_y, (uint32_t)(first + i + 90));
  assert_int_equal(pare_tape_backward(tape, dy), PARE_OK);
  const pare_tensor *g = tape->gradients;
  memcpy(out->y + first * out->n_y, y.data, y.len_bytes);
  memcpy(out->dx + first * C * H * W, g[session->model->inputs[0]].data, x.len_bytes);
  const float *dw = pare_f32(&g[pare_model_find_value(session->model, "w")]),
              *db = pare_f32(&g[pare_model_find_value(session->model, "b")]);
  for (int i = 0; i < O * C * 6; i++) out->dw[i] += dw[i];
  for (int i = 0; i < O; i++) out->db[i] += db[i];
  const bool batch_last = session->model->nodes[pare_model_find_node(session->model, "follower")].batch_last;
  assert_int_equal(batch_last, n % 16 == 0);
  free(dy);
  pare_tape_free(tape);
  pare_session_free(session);
  pare_model_free(model);
}

static void check_near(const float *got, const float *expected, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!(fabsf(got[i] - expected[i]) <= 1e-4f * (1 + fabsf(expected[i]))))
      fail_msg("%lld: %g is not %g", (long long)i, (double)got[i], (double)expected[i]);
  }
}

static void check(const follower *f) {
  trained all = {0}, halves = {0};
  for (int i = 0; i < 2; i++) {
    trained *t = i ? &halves : &all;
    t->y = calloc(N * O * (H + 4) * (W + 4), 4);
    t->dx = calloc(N * C * H * W, 4);
  }
  train(f, 0, N, &all);
  train(f, 0, N / 2, &halves);
  train(f, N / 2, N / 2, &halves);
  assert_int_equal(all.n_y, halves.n_y);
  check_near(all.y, halves.y, N * all.n_y);
  check_near(all.dx, halves.dx, N * C * H * W);
  check_near(all.dw, halves.dw, O * C * 6);
  check_near(all.db, halves.db, O);
  free(all.y), free(all.dx), free(halves.y), free(halves.dx);
}

static void operators_behind_a_convolution_follow_its_order_of_images(void **state) {
  (void)state;
  static const follower followers[] = {
      {"Relu", "h", {0}, {0}, {0}, {0}, 0},
      {"Sigmoid", "h", {0}, {0}, {0}, {0}, 0},
      {"Mul", "h,h", {0}, {0}, {0}, {0}, 0},
      {"GlobalAveragePool", "h", {0}, {0}, {0}, {0}, 0},
      {"MaxPool", "h", {2, 2}, {2, 2}, {0}, {0}, 0},
      {"MaxPool", "h", {3, 2}, {2, 1}, {1, 0, 1, 1}, {0}, 0},
      {"MaxPool", "h", {2, 3}, {1, 1}, {0, 1, 0, 1}, {2, 2}, 0},
      {"AveragePool", "h", {2, 2}, {2, 2}, {0}, {0}, 0},
      {"AveragePool", "h", {3, 2}, {2, 1}, {1, 0, 1, 1}, {0}, 0},
      {"AveragePool", "h", {3, 3}, {1, 2}, {1, 1, 1, 1}, {0}, 1},
  };
  for (size_t i = 0; i < PARE_COUNT(followers); i++) check(&followers[i]);
}

/* Equal ones send the gradient to the first, and a NaN is the largest, in both orders. */
static void maxima_are_found_at_the_same_places(void **state) {
  (void)state;
  const follower pool = {"MaxPool", "h", {2, 2}, {2, 2}, {0}, {0}, 0};
  float *dx[2];
  for (int order = 0; order < 2; order++) {
    const int64_t n = order ? N : N / 2;
    pare_model *model = make(&pool, n);
    const pare_plan_options options = {.batch = n, .training = true};
    pare_session *session;
    pare_tape *tape;
    assert_int_equal(pare_session_plan(model, &options, &session), PARE_OK);
    assert_int_equal(pare_tape_new(session, true, &tape), PARE_OK);
    const pare_tensor_view x = pare_session_input(session, 0), y = pare_session_output(session, 0);
    memset(pare_session_value(session, "w")->data, 0, O * C * 6 * sizeof(float)); /* all outputs are equal */
    ((float *)pare_session_value(session, "w")->data)[4] = 1.0f;
    memset(x.data, 0, x.len_bytes);
    ((float *)x.data)[2 * W + 3] = NAN;
    ((float *)x.data)[3 * W + 3] = NAN;
    assert_int_equal(pare_session_run(session), PARE_OK);
    float *dy = malloc(y.len_bytes);
    for (size_t i = 0; i < y.len_bytes / sizeof(float); i++) dy[i] = 1.0f;
    assert_int_equal(pare_tape_backward(tape, dy), PARE_OK);
    dx[order] = malloc(C * H * W * sizeof(float));
    memcpy(dx[order], tape->gradients[session->model->inputs[0]].data, C * H * W * sizeof(float));
    free(dy);
    pare_tape_free(tape);
    pare_session_free(session);
    pare_model_free(model);
  }
  check_near(dx[1], dx[0], C * H * W);
  free(dx[0]), free(dx[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(operators_behind_a_convolution_follow_its_order_of_images),
      cmocka_unit_test(maxima_are_found_at_the_same_places),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
