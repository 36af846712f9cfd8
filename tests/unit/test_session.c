/* Planning refuses what could not run, and shared memory does not show in what a session computes. */
#include "golden.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "session/session.h"

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

static pare_status plan(const pare_model *model, bool keep_all, bool fuse, pare_session **out) {
  pare_plan_options options = {.batch = 3, .keep_all = keep_all, .fuse = fuse};
  return pare_session_plan(model, &options, out);
}

/* One node that reads x and, as far as it must, constants; all its outputs are left out. A second node gives the graph's output. */
static pare_model *node_without_outputs(const pare_op *op) {
  pare_model *model;
  pare_node *node;
  pare_shape shape = PARE_SHAPE(1, 1, 4, 4);
  int x, y, inputs[16], outputs[16];
  assert_int_equal(pare_model_new(ctx, &model), PARE_OK);
  assert_int_equal(pare_model_add_value(model, "x", PARE_F32, &shape, &x), PARE_OK);
  assert_int_equal(pare_model_add_value(model, "y", PARE_F32, NULL, &y), PARE_OK);
  for (int i = 0; i < 16; i++) inputs[i] = x, outputs[i] = -1;
  assert_true(op->min_in <= 16 && op->min_out <= 16);
  assert_int_equal(pare_model_add_node(model, op->name, op->domain, "lone", inputs, op->min_in, outputs,
                                       op->min_out > 0 ? op->min_out : 1, &node),
                   PARE_OK);
  assert_int_equal(pare_model_add_node(model, "Relu", "", "last", &x, 1, &y, 1, &node), PARE_OK);
  model->inputs = pare_arena_array(&model->arena, 1, sizeof(int));
  model->outputs = pare_arena_array(&model->arena, 1, sizeof(int));
  model->inputs[0] = x;
  model->outputs[0] = y;
  model->n_inputs = model->n_outputs = 1;
  assert_int_equal(pare_model_finish(model), PARE_OK);
  return model;
}

static void an_operator_without_its_outputs_is_refused_or_harmless(void **state) {
  (void)state;
  int n_refused = 0;
  for (int i = 0; i < pare_op_count(); i++) {
    pare_model *model = node_without_outputs(pare_op_at(i));
    pare_session *session;
    if (plan(model, false, true, &session) == PARE_OK) {
      bool dynamic = session->dynamic != NULL; /* looks at each node when its turn comes */
      pare_status status = pare_session_run(session);
      assert_true(status == PARE_OK || dynamic);
      n_refused += dynamic && strstr(pare_error(ctx), "output 0 is left out") != NULL;
      pare_session_free(session);
    } else {
      n_refused += strstr(pare_error(ctx), "output 0 is left out") != NULL;
    }
    pare_model_free(model);
  }
  assert_true(n_refused > 50);
}

static void what_is_not_there_is_listed_with_its_nodes(void **state) {
  (void)state;
  static const pare_op unknown = {.name = "Frobnicate", .domain = "com.example", .min_in = 1, .min_out = 1};
  pare_model *model = node_without_outputs(&unknown);
  pare_session *session;
  assert_int_equal(plan(model, false, true, &session), PARE_UNSUPPORTED);
  assert_error_has(ctx, "1 operator is not there: com.example.Frobnicate (node 'lone')");
  pare_model_free(model);
}

static void run_on_ramp(pare_session *session, float *logits, size_t len_bytes) {
  pare_tensor_view input = pare_session_input(session, 0);
  for (size_t i = 0; i < input.len_bytes / 4; i++)
    ((float *)input.data)[i] = (float)((i * 2654435761u) % 997u) / 997.0f;
  assert_int_equal(pare_session_run(session), PARE_OK);
  assert_int_equal(pare_session_output(session, 0).len_bytes, len_bytes);
  memcpy(logits, pare_session_output(session, 0).data, len_bytes);
}

/* The arena lets values share memory; with keep_all none does. */
static void shared_memory_does_not_change_a_byte(void **state) {
  (void)state;
  static const char *const names[] = {"lenet5",  "lenet300",     "lenet5_caffe", "dscnn",
                                      "resnet8", "lstm_student", "lstm_teacher"};
  for (size_t i = 0; i < PARE_COUNT(names); i++) {
    char path[80];
    float shared[30], kept[30], again[30];
    pare_session *a, *b;
    snprintf(path, sizeof path, "examples/models/%s.onnx", names[i]);
    pare_model *model = golden_model(ctx, path);
    assert_int_equal(plan(model, false, true, &a), PARE_OK);
    assert_int_equal(plan(model, true, true, &b), PARE_OK);
    pare_model_free(model);
    run_on_ramp(a, shared, sizeof shared);
    run_on_ramp(b, kept, sizeof kept);
    assert_memory_equal(shared, kept, sizeof shared);
    assert_int_equal(pare_session_run(a), PARE_OK); /* inputs are still there */
    memcpy(again, pare_session_output(a, 0).data, sizeof again);
    assert_memory_equal(shared, again, sizeof shared);
    assert_true(a->memory_bytes < b->memory_bytes);
    pare_session_free(a);
    pare_session_free(b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_operator_without_its_outputs_is_refused_or_harmless, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_there_is_listed_with_its_nodes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(shared_memory_does_not_change_a_byte, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
