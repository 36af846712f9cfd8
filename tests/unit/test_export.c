/* How networks are written: the opset that is chosen, integer operators, sparse initializers, and whether another runtime runs the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/pass.h"
#include "session/session.h"
#include "support/failing_alloc.h"
#include "support/golden.h"
#include "support/onnx_maker.h"
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

static pare_status run_pass(const pare_model *model, const char *step, pare_model **out) {
  pare_context *on = model->ctx;
  pare_json_doc *doc = NULL;
  pare_arena arena;
  *out = NULL;
  PARE_TRY(pare_json_parse(on, step, strlen(step), PARE_BAD_RECIPE, &doc));
  const pare_pass *pass = pare_pass_find(pare_json_get_text(doc, pare_json_member(doc, 0, "pass")));
  assert_non_null(pass);
  pare_arena_init(&arena, on);
  void *params = pare_arena_alloc(&arena, pass->params_bytes + 1);
  pare_status status = params ? pare_params_read(&arena, pass, doc, 0, 0, params) : PARE_OUT_OF_MEMORY;
  pare_pass_env env = {.ctx = on, .model = model, .original = model, .seed = 1, .params = params};
  pare_json details;
  pare_json_init(&details, on);
  pare_json_object(&details);
  if (status == PARE_OK) status = pass->apply(&env, out, &details);
  pare_json_free(&details);
  pare_arena_free(&arena);
  pare_json_doc_free(doc);
  return status;
}

static pare_model *passed(const pare_model *model, const char *step) {
  pare_model *out;
  if (run_pass(model, step, &out) != PARE_OK) fail_msg("%s: %s", step, pare_error(ctx));
  return out;
}

static void make_scalar(pare_writer *graph, const char *name, float value) {
  make_tensor(graph, MAKE_INITIALIZER, name, PARE_F32, NULL, 0, &value, sizeof value);
}

static void make_zero(pare_writer *graph, const char *name, uint8_t value) {
  make_tensor(graph, MAKE_INITIALIZER, name, PARE_U8, NULL, 0, &value, 1);
}

/* x, two numbers; y = act(x + x), all u8 with zero point 100 and scale 0.1, activation between the Add and its QuantizeLinear. */
static pare_model *quantized_add(const char *activation, float most) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 2}, 2);
  make_scalar(&graph, "s", 0.1f);
  make_zero(&graph, "z", 100);
  make_scalar(&graph, "most", most);
  make_node(&graph, "QuantizeLinear", "qx", "x,s,z", "xq");
  make_node(&graph, "DequantizeLinear", "dx", "xq,s,z", "xd");
  make_node(&graph, "Add", "add", "xd,xd", "sum");
  make_node(&graph, activation, "act", strcmp(activation, "Clip") == 0 ? "sum,,most" : "sum", "a");
  make_node(&graph, "QuantizeLinear", "qa", "a,s,z", "aq");
  make_node(&graph, "DequantizeLinear", "da", "aq,s,z", "y");
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 2}, 2);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

static void run_two(const pare_model *model, float x0, float x1, float *y) {
  pare_session *session;
  if (pare_session_new(model, NULL, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  float *x = pare_session_input(session, 0).data;
  x[0] = x0;
  x[1] = x1;
  assert_int_equal(pare_session_run(session), PARE_OK);
  memcpy(y, pare_session_output(session, 0).data, 2 * sizeof *y);
  pare_session_free(session);
}

static void activations_in_integers_become_clips_where_the_range_does_not_cut_them(void **state) {
  (void)state;
  static const struct {
    const char *activation;
    float most, want0, want1;
    bool clips;
  } cases[] = {{"Relu", 0, 0, 6, true}, {"Clip", 2.5f, -8, 2.5f, true}, {"Clip", 100, -8, 6, false}};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_model *model = quantized_add(cases[i].activation, cases[i].most);
    pare_model *made = passed(model, "{\"pass\":\"qoperator\"}"), *again = reload_for_test(ctx, made);
    float y[2];
    assert_string_equal(node_for_test(again, "add")->op_type, "QLinearAdd");
    assert_int_equal(pare_model_find_node(again, "add_Clip") >= 0, cases[i].clips);
    run_two(again, -4, 3, y);
    assert_true(fabsf(y[0] - cases[i].want0) < 1e-5f && fabsf(y[1] - cases[i].want1) < 1e-5f);
    if (have_onnx_checker()) assert_true(onnx_checker_accepts(again));
    pare_model_free(again);
    pare_model_free(made);
    pare_model_free(model);
  }
}

static void what_is_not_quantized_has_no_integer_operators(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/lenet5.onnx"), *out;
  assert_int_equal(run_pass(model, "{\"pass\":\"export\",\"style\":\"qoperator\"}", &out), PARE_BAD_RECIPE);
  assert_error_has(ctx, "quantize it first");
  pare_model_free(model);
}

/* ---- opsets -------------------------------------------------------------------------------------------------- */

static pare_model *newer_model(void) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const float one[2] = {1, 1};
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 2}, 2);
  make_tensor(&graph, MAKE_INITIALIZER, "g", PARE_F32, (const int64_t[]){2}, 1, one, sizeof one);
  make_tensor(&graph, MAKE_INITIALIZER, "axes", PARE_S64, (const int64_t[]){1}, 1, (const int64_t[]){1},
              sizeof(int64_t));
  make_node(&graph, "LayerNormalization", "norm", "x,g", "a");
  size_t node = make_node_begin(&graph, "Split", "halves", "a", "b,c");
  make_attr_int(&graph, "axis", 1);
  make_attr_int(&graph, "num_outputs", 2);
  pare_wire_end(&graph, node);
  make_node(&graph, "HardSwish", "act", "b", "d");
  make_node(&graph, "Add", "sum", "c,d", "e");
  make_node(&graph, "ReduceMax", "most", "e,axes", "y");
  make_value(&graph, MAKE_VALUE, "a", PARE_F32, (const int64_t[]){-1, 2}, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 1}, 2);
  pare_buffer bytes = make_model(&graph, 9, 20);
  return load_for_test(ctx, &bytes);
}

static void a_chosen_opset_gets_its_forms(void **state) {
  (void)state;
  pare_model *model = newer_model(), *made = passed(model, "{\"pass\":\"export\",\"opset\":17}");
  saved_model raw = save_for_test(ctx, made);
  assert_int_equal(raw.opset, 17);
  assert_saved(ctx, &raw, "halves", "a|axis");
  assert_saved(ctx, &raw, "most", "e|axes");
  pare_buffer_free(ctx, &raw.bytes);
  pare_model *up = passed(made, "{\"pass\":\"export\",\"opset\":21}");
  raw = save_for_test(ctx, up);
  assert_int_equal(raw.opset, 21);
  assert_saved(ctx, &raw, "halves", "a|axis,num_outputs");
  assert_saved(ctx, &raw, "most", "e,axes|");
  assert_int_equal(made->ir_version, 8);
  assert_int_equal(up->ir_version, 10);
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(up);
  pare_model_free(made);
  pare_model_free(model);
}

static void an_opset_without_a_form_names_the_nodes(void **state) {
  (void)state;
  pare_model *model = newer_model(), *out;
  assert_int_equal(run_pass(model, "{\"pass\":\"export\",\"opset\":13}", &out), PARE_UNSUPPORTED);
  assert_error_has(ctx, "node 'norm' (LayerNormalization) needs opset 17");
  assert_error_has(ctx, "node 'act' (HardSwish) needs opset 14");
  assert_null(strstr(pare_error(ctx), "'sum'"));
  pare_model_free(model);
}

/* ---- sparse initializers --------------------------------------------------------------------------------------- */

static void mostly_zero_weights_are_stored_sparse_and_come_back(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/lenet300.onnx"), *pruned, *made, *again;
  pruned = passed(model, "{\"pass\":\"prune\",\"amount\":0.9}");
  made = passed(pruned, "{\"pass\":\"export\",\"sparse\":true}");
  pare_buffer dense, sparse;
  assert_int_equal(pare_model_save(pruned, &dense), PARE_OK);
  assert_int_equal(pare_model_save(made, &sparse), PARE_OK);
  assert_true(sparse.len_bytes < 0.35 * (double)dense.len_bytes);
  again = reload_for_test(ctx, made);
  for (int i = 0; i < pruned->n_values; i++) {
    const pare_value *value = &pruned->values[i];
    if (!value->is_initializer) continue;
    const pare_value *other = &again->values[pare_model_find_value(again, value->name)];
    assert_int_equal(other->pruned, value->pruned);
    assert_true(pare_shape_equal(&other->shape, &value->shape));
    assert_memory_equal(other->tensor.data, value->tensor.data, pare_tensor_len_bytes(&value->tensor));
  }
  pare_buffer once_more;
  assert_int_equal(pare_model_save(again, &once_more), PARE_OK);
  assert_int_equal(once_more.len_bytes, sparse.len_bytes);
  pare_buffer_free(ctx, &once_more);
  pare_buffer_free(ctx, &dense);
  pare_buffer_free(ctx, &sparse);
  pare_model_free(again);
  pare_model_free(made);
  pare_model_free(pruned);
  pare_model_free(model);
}

static void broken_sparse_initializers_are_refused(void **state) {
  (void)state;
  static const struct {
    int64_t indices[2], rank, dims[2];
    const char *message;
  } cases[] = {{{0, 3}, 1, {2, 2}, NULL},
               {{0, 4}, 1, {2, 2}, "sparse initializer 'w': index 1 is outside the shape, or not ascending"},
               {{3, 0}, 1, {2, 2}, "not ascending"},
               {{2, 2}, 1, {2, 2}, "not ascending"},
               {{-1, 0}, 1, {2, 2}, "outside the shape"},
               {{0, 1}, 1, {1 << 20, 1 << 10}, "2 values are too few for its size"},
               {{0, 1}, 1, {2, -2}, "negative"},
               {{0, 1}, 2, {2, 2}, "indices [n] or [n,rank]"}};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_writer graph;
    pare_writer_init(&graph, ctx);
    make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2, 2}, 2);
    size_t sparse = pare_wire_begin(&graph, 15);
    make_tensor(&graph, 1, "w", PARE_F32, (const int64_t[]){2}, 1, (const float[]){5, 7}, 8);
    make_tensor(&graph, 2, "", PARE_S64, (const int64_t[]){2, 1}, (int)cases[i].rank, cases[i].indices, 16);
    for (int k = 0; k < 2; k++) pare_wire_put_int(&graph, 3, cases[i].dims[k]);
    pare_wire_end(&graph, sparse);
    make_node(&graph, "Add", "sum", "x,w", "y");
    make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2, 2}, 2);
    pare_buffer bytes = make_model(&graph, 8, 13);
    pare_model *model;
    pare_status status = pare_model_load_buffer(ctx, &bytes, &model);
    if (cases[i].message) {
      assert_int_not_equal(status, PARE_OK);
      assert_error_has(ctx, cases[i].message);
    } else {
      assert_int_equal(status, PARE_OK);
      const float *w = pare_model_weight(model, 0).data;
      assert_true(w[0] == 5 && w[1] == 0 && w[2] == 0 && w[3] == 7);
    }
    pare_model_free(model);
  }
}

/* ---- other runtimes -------------------------------------------------------------------------------------------- */

static void expect_runtime(const pare_model *model, const char *runtime, bool runs, const char *text) {
  pare_buffer json;
  if (pare_model_check_runtime(model, runtime, &json) != PARE_OK) fail_msg("%s", pare_error(ctx));
  char *copy = pare_alloc(ctx, json.len_bytes + 1);
  memcpy(copy, json.data, json.len_bytes);
  if (!strstr(copy, runs ? "\"runs\":true" : "\"runs\":false") || !strstr(copy, text)) fail_msg("%s", copy);
  pare_free(ctx, copy);
  pare_buffer_free(ctx, &json);
}

static void a_runtime_says_which_nodes_it_lacks(void **state) {
  (void)state;
  pare_model *model = newer_model(), *add = quantized_add("Relu", 0);
  pare_model *integer = passed(add, "{\"pass\":\"qoperator\"}");
  expect_runtime(model, "onnxruntime@1.30", true, "\"problems\":[]");
  expect_runtime(model, "onnxruntime@1.17.3", true, "\"oldest\":\"1.17\"");
  expect_runtime(model, "onnxruntime@1.11", false, "{\"node\":\"norm\",\"op\":\"LayerNormalization\"");
  expect_runtime(model, "onnxruntime@1.14", false, "opset 20, the newest there is 18: write it in that one");
  expect_runtime(integer, "onnxruntime@1.2", false, "there from ONNX Runtime 1.3");
  expect_runtime(integer, "onnxruntime@1.8", false, "IR version 8, the newest there is 7");
  expect_runtime(integer, "onnxruntime@1.9", true, "\"newest_opset\":15");
  pare_buffer json;
  assert_int_equal(pare_model_check_runtime(model, "onnxruntime@2.0", &json), PARE_BAD_ARGUMENT);
  assert_int_equal(pare_model_check_runtime(model, "tflite", &json), PARE_BAD_ARGUMENT);
  pare_model_free(integer);
  pare_model_free(add);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(activations_in_integers_become_clips_where_the_range_does_not_cut_them,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_quantized_has_no_integer_operators, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_chosen_opset_gets_its_forms, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_opset_without_a_form_names_the_nodes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(mostly_zero_weights_are_stored_sparse_and_come_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(broken_sparse_initializers_are_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_runtime_says_which_nodes_it_lacks, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
