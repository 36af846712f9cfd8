/* Model-local functions, which are replaced by their nodes when a model is read. */
#include "unit.h"

#include "onnx_maker.h"
#include "session/session.h"

#include <stdio.h>
#include <string.h>

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

static size_t function_begin(pare_writer *model, const char *name, int64_t opset) {
  size_t mark = pare_wire_begin(model, 25);
  pare_wire_put_text(model, 1, name);
  pare_wire_put_text(model, 4, "a");
  pare_wire_put_text(model, 5, "b");
  size_t import = pare_wire_begin(model, 9);
  pare_wire_put_int(model, 2, opset);
  pare_wire_end(model, import);
  pare_wire_put_text(model, 10, "my");
  return mark;
}

/* Nodes stand in field 7 of a function. */
static size_t inner_begin(pare_writer *model, const char *op, const char *domain, const char *in,
                          const char *out) {
  size_t mark = pare_wire_begin(model, 7);
  pare_wire_put_text(model, 1, in);
  pare_wire_put_text(model, 2, out);
  pare_wire_put_text(model, 4, op);
  pare_wire_put_text(model, 7, domain);
  return mark;
}

static void put_reference(pare_writer *node, const char *name, const char *to) {
  size_t mark = pare_wire_begin(node, 5);
  pare_wire_put_text(node, 1, name);
  pare_wire_put_int(node, 20, PARE_ATTR_FLOAT);
  pare_wire_put_text(node, 21, to);
  pare_wire_end(node, mark);
}

/* y = my.f(x), h = my.f(y) with slope 0.5; `functions` are put behind the model. */
static pare_status load(pare_writer *functions, pare_model **out) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t node = make_node_begin(&graph, "f", "one", "x", "y");
  pare_wire_put_text(&graph, 7, "my");
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "f", "two", "y", "h");
  make_attr_float(&graph, "slope", 0.5f);
  pare_wire_put_text(&graph, 7, "my");
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "h", PARE_F32, (const int64_t[]){2}, 1);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_writer all;
  pare_writer_init(&all, ctx);
  pare_writer_put(&all, bytes.data, bytes.len_bytes);
  pare_writer_put(&all, functions->data, functions->len_bytes);
  pare_buffer_free(ctx, &bytes);
  pare_writer_free(functions);
  assert_int_equal(pare_writer_finish(&all, &bytes), PARE_OK);
  return pare_model_load_buffer(ctx, &bytes, out);
}

/* f(a) = my.g(LeakyRelu(a, alpha = slope)), g(a) = ReduceSum(a) over its last axis in the form of opset 11, + its own a */
static void put_functions(pare_writer *out, bool with_default) {
  pare_writer_init(out, ctx);
  size_t function = function_begin(out, "f", 13);
  size_t node = inner_begin(out, "g", "my", "m", "b"); /* not in order */
  pare_wire_end(out, node);
  node = inner_begin(out, "LeakyRelu", "", "a", "m");
  put_reference(out, "alpha", "slope");
  pare_wire_end(out, node);
  pare_wire_put_text(out, 6, "slope");
  if (with_default) {
    size_t mark = pare_wire_begin(out, 11);
    pare_wire_put_text(out, 1, "slope");
    pare_wire_put_f32(out, 2, 0.25f);
    pare_wire_put_int(out, 20, PARE_ATTR_FLOAT);
    pare_wire_end(out, mark);
  }
  pare_wire_end(out, function);
  function = function_begin(out, "g", 11);
  node = inner_begin(out, "ReduceSum", "", "a", "m");
  make_attr_ints(out, "axes", (const int64_t[]){-1}, 1);
  pare_wire_end(out, node);
  node = pare_wire_begin(out, 7);
  pare_wire_put_text(out, 1, "m");
  pare_wire_put_text(out, 1, "a");
  pare_wire_put_text(out, 2, "b");
  pare_wire_put_text(out, 4, "Add");
  pare_wire_end(out, node);
  pare_wire_end(out, function);
}

static void expect(const pare_model *model, float h0, float h1) {
  pare_session *session;
  if (pare_session_new(model, NULL, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  float *x = pare_session_input(session, 0).data;
  x[0] = -8, x[1] = 1;
  assert_int_equal(pare_session_run(session), PARE_OK);
  const float *h = pare_session_output(session, 0).data;
  if (h[0] != h0 || h[1] != h1) fail_msg("%g %g", (double)h[0], (double)h[1]);
  pare_session_free(session);
}

static void functions_become_their_nodes(void **state) {
  (void)state;
  pare_writer functions;
  pare_model *model;
  put_functions(&functions, true);
  if (load(&functions, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  for (int i = 0; i < model->n_nodes; i++) assert_string_equal(model->nodes[i].domain, "");
  /* one: leaky (-2, 1), sum -1: (-3, 0). two: leaky (-1.5, 0), sum -1.5: (-3, -1.5) */
  expect(model, -3, -1.5f);
  pare_model *again = reload_for_test(ctx, model);
  expect(again, -3, -1.5f);
  pare_model_free(again);
  pare_model_free(model);
}

static void an_attribute_that_nobody_gives_is_left_out(void **state) {
  (void)state;
  pare_writer functions;
  pare_model *model;
  put_functions(&functions, false);
  if (load(&functions, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  const pare_node *leaky = NULL;
  for (int i = 0; i < model->n_nodes && !leaky; i++)
    if (pare_node_is(&model->nodes[i], "LeakyRelu")) leaky = &model->nodes[i];
  assert_non_null(leaky);
  assert_int_equal(leaky->n_attrs, 0);
  pare_model_free(model);
}

static void a_function_that_calls_itself_is_refused(void **state) {
  (void)state;
  pare_writer functions;
  pare_model *model;
  pare_writer_init(&functions, ctx);
  static const char *const pairs[2][2] = {{"f", "g"}, {"g", "f"}};
  for (int i = 0; i < 2; i++) {
    size_t function = function_begin(&functions, pairs[i][0], 13);
    pare_wire_end(&functions, inner_begin(&functions, pairs[i][1], "my", "a", "b"));
    pare_wire_end(&functions, function);
  }
  assert_int_equal(load(&functions, &model), PARE_BAD_MODEL);
  assert_error_has(ctx, "the function calls itself");
}

/* f calls f1 twice, that f2 twice, ... : 2^30 nodes if it were let. */
static void functions_that_grow_without_measure_are_refused(void **state) {
  (void)state;
  pare_writer functions;
  pare_model *model;
  pare_writer_init(&functions, ctx);
  char name[16] = "f", next[16];
  for (int i = 1; i <= 30; i++) {
    snprintf(next, sizeof next, "f%d", i);
    size_t function = function_begin(&functions, name, 13);
    pare_wire_end(&functions, inner_begin(&functions, i < 30 ? next : "Neg", i < 30 ? "my" : "", "a", "m"));
    pare_wire_end(&functions, inner_begin(&functions, i < 30 ? next : "Neg", i < 30 ? "my" : "", "m", "b"));
    pare_wire_end(&functions, function);
    memcpy(name, next, sizeof name);
  }
  assert_int_equal(load(&functions, &model), PARE_UNSUPPORTED);
  assert_error_has(ctx, "too large");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(functions_become_their_nodes),
      T(an_attribute_that_nobody_gives_is_left_out),
      T(a_function_that_calls_itself_is_refused),
      T(functions_that_grow_without_measure_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
