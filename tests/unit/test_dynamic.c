/* Dynamic sessions: shapes that depend on data, graphs inside nodes, and what hostile ones may not do. */
#include "unit.h"

#include "failing_alloc.h"
#include "onnx_maker.h"
#include "session/session.h"

#include <stdio.h>
#include <string.h>

static const int64_t none[1] = {0};

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

static pare_session *plan(const pare_model *model, int64_t max_work) {
  const pare_plan_options options = {.batch = 1, .fuse = true, .max_work = max_work};
  pare_session *session;
  if (pare_session_plan(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return session;
}

static size_t graph_begin(pare_writer *node, const char *attr, size_t *graph) {
  size_t mark = pare_wire_begin(node, 5);
  pare_wire_put_text(node, 1, attr);
  *graph = pare_wire_begin(node, 6);
  return mark;
}

static void graph_end(pare_writer *node, size_t attr, size_t graph) {
  pare_wire_end(node, graph);
  pare_wire_put_int(node, 20, 5);
  pare_wire_end(node, attr);
}

/* ---- shapes ------------------------------------------------------------------------------------------------ */

static pare_buffer reshape_model(pare_context *in) {
  pare_writer graph;
  pare_writer_init(&graph, in);
  make_node(&graph, "Reshape", "r", "x,s", "y");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){4}, 1);
  make_value(&graph, MAKE_INPUT, "s", PARE_S64, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, -1}, 2);
  return make_model(&graph, 8, 13);
}

static void a_computed_shape_is_that_of_the_last_run(void **state) {
  (void)state;
  pare_buffer bytes = reshape_model(ctx);
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  assert_non_null(session->dynamic);
  static const int64_t wanted[3][2] = {{2, 2}, {4, 1}, {2, 2}};
  for (int i = 0; i < 3; i++) {
    float *x = pare_session_input(session, 0).data;
    for (int k = 0; k < 4; k++) x[k] = (float)(k + i);
    memcpy(pare_session_input(session, 1).data, wanted[i], sizeof wanted[i]);
    assert_int_equal(pare_session_run(session), PARE_OK);
    pare_tensor_view y = pare_session_output(session, 0);
    assert_int_equal(y.shape.rank, 2);
    assert_memory_equal(y.shape.dims, wanted[i], sizeof wanted[i]);
    assert_memory_equal(y.data, x, 4 * sizeof(float));
  }
  ((int64_t *)pare_session_input(session, 1).data)[0] = 3;
  assert_int_equal(pare_session_run(session), PARE_BAD_MODEL);
  assert_error_has(ctx, "node 'r' (Reshape): cannot reshape [4] to [3,2]");
  assert_true(pare_session_peak_bytes(session) > 0);
  pare_session_free(session);
  const pare_plan_options training = {.batch = 1, .training = true};
  assert_int_equal(pare_session_plan(model, &training, &session), PARE_UNSUPPORTED);
  assert_error_has(ctx, "cannot be trained");
  pare_model_free(model);
}

/* ---- If ---------------------------------------------------------------------------------------------------- */

/* y = c ? -x : w + x, with w captured */
static void put_if(pare_writer *graph) {
  size_t inner, node = make_node_begin(graph, "If", "if", "c", "y");
  size_t attr = graph_begin(graph, "then_branch", &inner);
  make_node(graph, "Neg", "neg", "x", "t");
  make_value(graph, MAKE_OUTPUT, "t", PARE_F32, (const int64_t[]){2}, 1);
  graph_end(graph, attr, inner);
  attr = graph_begin(graph, "else_branch", &inner);
  make_node(graph, "Add", "add", "w,x", "e");
  make_value(graph, MAKE_OUTPUT, "e", PARE_F32, (const int64_t[]){2}, 1);
  graph_end(graph, attr, inner);
  pare_wire_end(graph, node);
}

static pare_buffer if_model(pare_context *in, bool constant, int64_t opset) {
  static const float w[2] = {10, 20};
  pare_writer graph;
  pare_writer_init(&graph, in);
  put_if(&graph);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2}, 1, w, sizeof w);
  if (constant)
    make_tensor(&graph, MAKE_INITIALIZER, "c", PARE_BOOL, none, 0, "\1", 1);
  else
    make_value(&graph, MAKE_INPUT, "c", PARE_BOOL, none, 0);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  return make_model(&graph, 8, opset);
}

static void expect_branches(const pare_model *model) {
  pare_session *session = plan(model, 0);
  for (int c = 0; c < 2; c++) {
    *(uint8_t *)pare_session_input(session, 0).data = (uint8_t)c;
    float *x = pare_session_input(session, 1).data;
    x[0] = 1, x[1] = 2;
    if (pare_session_run(session) != PARE_OK) fail_msg("%s", pare_error(ctx));
    const float *y = pare_session_output(session, 0).data;
    assert_true(y[0] == (c ? -1.0f : 11.0f) && y[1] == (c ? -2.0f : 22.0f));
  }
  pare_session_free(session);
}

static void both_branches_run_and_capture(void **state) {
  (void)state;
  pare_buffer bytes = if_model(ctx, false, 13);
  pare_model *model = load_for_test(ctx, &bytes);
  expect_branches(model);
  pare_model_free(model);
}

static void a_constant_condition_leaves_no_if(void **state) {
  (void)state;
  pare_buffer bytes = if_model(ctx, true, 13);
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  assert_null(session->dynamic);
  for (int i = 0; i < session->n_steps; i++)
    assert_string_not_equal(session->steps[i].call.node->op_type, "If");
  float *x = pare_session_input(session, 0).data;
  x[0] = 3, x[1] = 4;
  assert_int_equal(pare_session_run(session), PARE_OK);
  assert_true(((const float *)pare_session_output(session, 0).data)[1] == -4.0f);
  pare_session_free(session);
  pare_model_free(model);
}

/* The encoded branches name w and x; both get other names, and the file another opset. */
static void branches_are_written_anew_when_names_change(void **state) {
  (void)state;
  pare_buffer bytes = if_model(ctx, false, 13), plain, renamed;
  pare_model *model = load_for_test(ctx, &bytes), *clone;
  assert_int_equal(pare_model_save(model, &plain), PARE_OK);
  assert_int_equal(pare_model_clone(model, &clone), PARE_OK);
  clone->values[pare_model_find_value(clone, "w")].name = "t"; /* taken inside the other branch */
  clone->values[pare_model_find_value(clone, "x")].name = "e"; /* taken inside this one */
  assert_int_equal(pare_model_set_opset(clone, "", 14), PARE_OK);
  assert_int_equal(pare_model_save(clone, &renamed), PARE_OK);
  pare_model_free(clone);
  pare_model_free(model);
  model = load_for_test(ctx, &plain);
  expect_branches(model);
  pare_model_free(model);
  model = load_for_test(ctx, &renamed);
  assert_int_equal(pare_model_find_value(model, "w"), -1);
  expect_branches(model);
  pare_model_free(model);
}

/* ---- Loop -------------------------------------------------------------------------------------------------- */

/* sum += x, rows = sum; as long as the body's condition, which is the one it gets, says so. */
static pare_buffer loop_model(pare_context *in, const char *inputs) {
  pare_writer graph;
  pare_writer_init(&graph, in);
  size_t inner, node = make_node_begin(&graph, "Loop", "loop", inputs, "last,rows");
  size_t attr = graph_begin(&graph, "body", &inner);
  make_node(&graph, "Identity", "go", "cond", "cond_out");
  make_node(&graph, "Add", "add", "sum,x", "sum_out");
  make_node(&graph, "Identity", "row", "sum_out", "row_out");
  make_value(&graph, MAKE_INPUT, "i", PARE_S64, none, 0);
  make_value(&graph, MAKE_INPUT, "cond", PARE_BOOL, none, 0);
  make_value(&graph, MAKE_INPUT, "sum", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "cond_out", PARE_BOOL, none, 0);
  make_value(&graph, MAKE_OUTPUT, "sum_out", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "row_out", PARE_F32, (const int64_t[]){2}, 1);
  graph_end(&graph, attr, inner);
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_INPUT, "m", PARE_S64, none, 0);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "last", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "rows", PARE_F32, (const int64_t[]){-1, 2}, 2);
  return make_model(&graph, 8, 13);
}

static pare_status run_loop(pare_session *session, int64_t m) {
  *(int64_t *)pare_session_input(session, 0).data = m;
  float *x = pare_session_input(session, 1).data;
  x[0] = 1, x[1] = 10;
  return pare_session_run(session);
}

static void a_loop_carries_and_stacks(void **state) {
  (void)state;
  pare_buffer bytes = loop_model(ctx, "m,,x");
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  for (int64_t m = 3; m >= 0; m -= 3) {
    if (run_loop(session, m) != PARE_OK) fail_msg("%s", pare_error(ctx));
    pare_tensor_view last = pare_session_output(session, 0), rows = pare_session_output(session, 1);
    assert_true(((const float *)last.data)[1] == (float)(10 * (m + 1)));
    assert_int_equal(rows.shape.rank, 2);
    assert_int_equal(rows.shape.dims[0], m);
    for (int64_t i = 0; i < m; i++) assert_true(((const float *)rows.data)[2 * i] == (float)(i + 2));
  }
  pare_session_free(session);
  pare_model_free(model);
}

static void an_endless_loop_is_an_error(void **state) {
  (void)state;
  pare_buffer bytes = loop_model(ctx, ",,x");
  pare_model *model = load_for_test(ctx, &bytes);
  assert_int_equal(model->n_inputs, 2);
  pare_session *session = plan(model, 1 << 16);
  assert_int_equal(run_loop(session, 0), PARE_UNSUPPORTED);
  assert_error_has(ctx, "go on too long");
  pare_session_free(session);
  pare_model_free(model);
  bytes = loop_model(ctx, "m,,x"); /* and one that says how often */
  model = load_for_test(ctx, &bytes);
  session = plan(model, 1 << 16);
  assert_int_equal(run_loop(session, INT64_MAX), PARE_UNSUPPORTED);
  assert_int_equal(run_loop(session, 5), PARE_OK); /* it runs on after that */
  pare_session_free(session);
  pare_model_free(model);
}

/* A branch that wants an input cannot take the place of its If. */
static void a_branch_with_inputs_is_refused(void **state) {
  (void)state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t inner, node = make_node_begin(&graph, "If", "if", "c", "y");
  size_t attr = graph_begin(&graph, "then_branch", &inner);
  make_node(&graph, "Add", "add", "a,b", "t");
  make_value(&graph, MAKE_INPUT, "a", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_INPUT, "b", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "t", PARE_F32, (const int64_t[]){2}, 1);
  graph_end(&graph, attr, inner);
  pare_wire_end(&graph, node);
  make_tensor(&graph, MAKE_INITIALIZER, "c", PARE_BOOL, none, 0, "\1", 1);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  assert_int_equal(pare_session_run(session), PARE_BAD_MODEL);
  assert_error_has(ctx, "graph 'then_branch' takes 2 and gives 1 values, not 0 and 1");
  pare_session_free(session);
  pare_model_free(model);
}

static void a_body_with_other_counts_is_refused(void **state) {
  (void)state;
  pare_buffer bytes = loop_model(ctx, "m,,x,x");
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  assert_int_equal(run_loop(session, 1), PARE_BAD_MODEL);
  assert_error_has(ctx, "graph 'body' takes 3 and gives 3 values, not 4 and 3");
  pare_session_free(session);
  pare_model_free(model);
}

/* ---- sequences --------------------------------------------------------------------------------------------- */

static pare_buffer sequence_model(pare_context *in) {
  pare_writer graph;
  pare_writer_init(&graph, in);
  make_node(&graph, "SequenceConstruct", "make", "x,x", "s");
  make_node(&graph, "SequenceInsert", "put", "s,x,p", "t");
  make_node(&graph, "ConcatFromSequence", "join", "t", "y");
  make_node(&graph, "SequenceErase", "drop", "t,p", "u");
  make_node(&graph, "SequenceLength", "n", "u", "z");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_INPUT, "p", PARE_S64, none, 0);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1}, 1);
  make_value(&graph, MAKE_OUTPUT, "z", PARE_S64, none, 0);
  return make_model(&graph, 8, 13);
}

static void sequences_grow_and_join(void **state) {
  (void)state;
  pare_buffer bytes = sequence_model(ctx);
  pare_model *model = load_for_test(ctx, &bytes);
  pare_session *session = plan(model, 0);
  *(int64_t *)pare_session_input(session, 1).data = -1;
  if (pare_session_run(session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  assert_int_equal(pare_session_output(session, 0).shape.dims[0], 6);
  assert_int_equal(*(const int64_t *)pare_session_output(session, 1).data, 2);
  *(int64_t *)pare_session_input(session, 1).data = 3;
  assert_int_equal(pare_session_run(session), PARE_BAD_MODEL);
  assert_error_has(ctx, "position 3 in a sequence of 2");
  pare_session_free(session);
  pare_model_free(model);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static pare_status load_plan_run(pare_context *in, const pare_buffer *bytes) {
  pare_model *model;
  pare_session *session;
  pare_status status = pare_model_load(in, bytes->data, bytes->len_bytes, &model);
  if (status != PARE_OK) return status;
  status = pare_session_new(model, NULL, &session);
  if (status == PARE_OK) {
    for (int i = 0; i < pare_session_n_inputs(session); i++) {
      pare_tensor_view view = pare_session_input(session, i);
      if (view.dtype == PARE_S64)
        for (size_t k = 0; k < view.len_bytes / 8; k++) ((int64_t *)view.data)[k] = 2;
    }
    status = pare_session_run(session);
  }
  pare_session_free(session);
  pare_model_free(model);
  return status;
}

static void a_failing_allocator_leaks_nothing(void **state) {
  (void)state;
  pare_buffer models[] = {reshape_model(ctx), if_model(ctx, false, 13), if_model(ctx, true, 13),
                          loop_model(ctx, "m,,x"), sequence_model(ctx)};
  for (size_t m = 0; m < PARE_COUNT(models); m++) {
    for (size_t fail_at = 0;; fail_at++) {
      pare_context *failing = failing_context(fail_at);
      if (failing) {
        pare_status status = load_plan_run(failing, &models[m]);
        if (status != (failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK))
          fail_msg("model %zu, call %zu: %s: %s", m, fail_at, pare_status_name(status), pare_error(failing));
        pare_context_free(failing);
      }
      assert_int_equal(failing_live_bytes(), 0);
      assert_int_equal(failing_wrong_sizes(), 0);
      if (!failing_happened()) break;
    }
    pare_buffer_free(ctx, &models[m]);
  }
}

static void graphs_nested_too_deep_are_refused(void **state) {
  (void)state;
  pare_writer graph;
  size_t marks[40][3];
  pare_writer_init(&graph, ctx);
  for (int i = 0; i < 40; i++) {
    marks[i][0] = make_node_begin(&graph, "If", "if", "c", "y");
    marks[i][1] = graph_begin(&graph, "then_branch", &marks[i][2]);
  }
  for (int i = 39; i >= 0; i--) {
    graph_end(&graph, marks[i][1], marks[i][2]);
    pare_wire_end(&graph, marks[i][0]);
  }
  make_value(&graph, MAKE_INPUT, "c", PARE_BOOL, none, 0);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model;
  assert_int_equal(pare_model_load_buffer(ctx, &bytes, &model), PARE_BAD_MODEL);
  assert_error_has(ctx, "nested more than");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_computed_shape_is_that_of_the_last_run),
      T(both_branches_run_and_capture),
      T(a_constant_condition_leaves_no_if),
      T(branches_are_written_anew_when_names_change),
      T(a_loop_carries_and_stacks),
      T(an_endless_loop_is_an_error),
      T(a_branch_with_inputs_is_refused),
      T(a_body_with_other_counts_is_refused),
      T(sequences_grow_and_join),
      T(a_failing_allocator_leaks_nothing),
      T(graphs_nested_too_deep_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
