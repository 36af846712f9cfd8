/* How networks are written: the opset that is chosen, integer operators, sparse initializers, and whether another runtime runs the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/pass.h"
#include "measure/measure.h"
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
  pare_json_end(&details, '}');
  pare_buffer text = {0};
  const pare_status written = pare_json_finish(&details, &text);
  pare_buffer_free(on, &text);
  if (status == PARE_OK && written != PARE_OK) {
    pare_model_free(*out);
    *out = NULL;
    status = written;
  }
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
  assert_true(20 * sparse.len_bytes < 7 * dense.len_bytes);
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

/* ---- weights in blocks ------------------------------------------------------------------------------------------- */

/* A Gemm (with or without transB) and a MatMul, of weights that fill no whole block. */
static pare_model *two_products(bool trans_b) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  float w[70 * 9], v[9 * 5], b[9];
  for (int i = 0; i < 70 * 9; i++) w[i] = (float)((i * 37) % 101 - 50) / 50;
  for (int i = 0; i < 9 * 5; i++) v[i] = (float)((i * 29) % 53 - 20) / 9;
  for (int i = 0; i < 9; i++) b[i] = (float)i;
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 70}, 2);
  const int64_t w_dims[2] = {trans_b ? 9 : 70, trans_b ? 70 : 9};
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, w_dims, 2, w, sizeof w);
  make_tensor(&graph, MAKE_INITIALIZER, "b", PARE_F32, (const int64_t[]){9}, 1, b, sizeof b);
  make_tensor(&graph, MAKE_INITIALIZER, "v", PARE_F32, (const int64_t[]){9, 5}, 2, v, sizeof v);
  size_t node = make_node_begin(&graph, "Gemm", "fc", "x,w,b", "h");
  make_attr_int(&graph, "transB", trans_b);
  pare_wire_end(&graph, node);
  make_node(&graph, "MatMul", "head", "h,v", "y");
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 5}, 2);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

static void run_rows(const pare_model *model, float *y, size_t n_bytes) {
  pare_session *session;
  const pare_session_options options = {.batch = 3};
  if (pare_session_new(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_tensor_view x = pare_session_input(session, 0), out = pare_session_output(session, 0);
  for (size_t i = 0; i < x.len_bytes / 4; i++) ((float *)x.data)[i] = (float)(i % 17) / 8 - 1;
  assert_int_equal(pare_session_run(session), PARE_OK);
  assert_int_equal(out.len_bytes, n_bytes);
  memcpy(y, out.data, n_bytes);
  pare_session_free(session);
}

static void both_forms_of_blocks_compute_the_same_bytes(void **state) {
  (void)state;
  for (int i = 0; i < 8; i++) {
    const bool trans_b = i & 1, symmetric = i & 2;
    const char *bits = i & 4 ? "int4" : "int8";
    char step[200];
    pare_model *model = two_products(trans_b);
    float want[15], have[2][15], largest = 0, most = 0;
    run_rows(model, want, sizeof want);
    for (int form = 0; form < 2; form++) {
      snprintf(step, sizeof step,
               "{\"pass\":\"quantize_weights\",\"bits\":\"%s\",\"operator\":\"%s\",\"symmetric\":%s}", bits,
               form ? "matmul_nbits" : "dequantize", symmetric ? "true" : "false");
      pare_model *made = passed(model, step), *again = reload_for_test(ctx, made);
      assert_string_equal(node_for_test(again, "head")->op_type, form ? "MatMulNBits" : "MatMul");
      assert_int_equal(pare_model_opset(again, ""), form ? 13 : 21);
      run_rows(again, have[form], sizeof want);
      pare_model_free(again);
      pare_model_free(made);
    }
    assert_memory_equal(have[0], have[1], sizeof want);
    for (int k = 0; k < 15; k++) {
      largest = fmaxf(largest, fabsf(have[0][k] - want[k]));
      most = fmaxf(most, fabsf(want[k]));
    }
    assert_true(largest > 0 && largest < (i & 4 ? 0.1f : 0.006f) * most);
    pare_model_free(model);
  }
}

static void blocks_are_counted_as_the_weights_they_hold(void **state) {
  (void)state;
  pare_model *model = two_products(true);
  static const char *const steps[] = {"{\"pass\":\"quantize_weights\",\"bits\":\"int4\",\"symmetric\":false}",
                                      "{\"pass\":\"quantize_weights\",\"bits\":\"int4\",\"operator\":"
                                      "\"matmul_nbits\"}"};
  for (size_t i = 0; i < PARE_COUNT(steps); i++) {
    pare_model *made = passed(model, steps[i]);
    pare_model_report report;
    assert_int_equal(pare_measure_weights(made, &report), PARE_OK);
    assert_int_equal(report.parameters, 70 * 9 + 9 + 9 * 5);
    assert_true(report.layers[0].bits == 4);
    assert_true(report.nonzeros < report.parameters && report.nonzeros > report.parameters / 2);
    pare_model_report_free(&report);
    pare_model_free(made);
  }
  pare_model_free(model);
}

static void blocks_of_a_size_that_no_runtime_takes_are_refused(void **state) {
  (void)state;
  pare_model *model = two_products(false), *out;
  assert_int_equal(run_pass(model, "{\"pass\":\"quantize_weights\",\"block_size\":48}", &out),
                   PARE_BAD_RECIPE);
  assert_int_equal(
      run_pass(model, "{\"pass\":\"quantize_weights\",\"block_size\":512,\"operator\":\"matmul_nbits\"}",
               &out),
      PARE_BAD_RECIPE);
  assert_error_has(ctx, "16, 32, 64, 128 or 256");
  pare_model *whole = passed(model, "{\"pass\":\"quantize_weights\",\"block_size\":0}");
  assert_int_equal(pare_model_opset(whole, ""), 13);
  pare_model_free(whole);
  pare_model_free(model);
}

static void half_bytes_come_from_either_field(void **state) {
  (void)state;
  for (int typed = 0; typed < 2; typed++) {
    pare_writer graph;
    pare_writer_init(&graph, ctx);
    const uint8_t raw[2] = {0x71, 0x0f}; /* 1, 7, -1 */
    make_value(&graph, MAKE_INPUT, "s", PARE_F32, NULL, 0);
    size_t tensor = pare_wire_begin(&graph, MAKE_INITIALIZER);
    pare_wire_put_int(&graph, 1, 3);
    pare_wire_put_int(&graph, 2, PARE_S4);
    pare_wire_put_text(&graph, 8, "w");
    if (typed)
      for (int i = 0; i < 2; i++) pare_wire_put_int(&graph, 5, raw[i]);
    else
      pare_wire_put_bytes(&graph, 9, raw, sizeof raw);
    pare_wire_end(&graph, tensor);
    make_node(&graph, "DequantizeLinear", "dq", "w,s", "y");
    make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){3}, 1);
    pare_buffer bytes = make_model(&graph, 10, 21);
    pare_model *model = load_for_test(ctx, &bytes), *again = reload_for_test(ctx, model);
    const pare_tensor *w = &again->values[pare_model_find_value(again, "w")].tensor;
    assert_int_equal(pare_tensor_len_bytes(w), 2);
    assert_int_equal(pare_tensor_get_s64(w, 0), 1);
    assert_int_equal(pare_tensor_get_s64(w, 1), 7);
    assert_int_equal(pare_tensor_get_s64(w, 2), -1);
    pare_model_free(again);
    pare_model_free(model);
  }
}

/* ---- f16 ------------------------------------------------------------------------------------------------------------ */

static void half_precision_casts_at_the_ends_and_keeps_extremes_finite(void **state) {
  (void)state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const float w[3] = {1e6f, -1e-9f, 0.1f};
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3}, 2);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){3}, 1, w, sizeof w);
  make_node(&graph, "Mul", "scale", "x,w", "h");
  make_node(&graph, "Relu", "act", "h", "y");
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 3}, 2);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &bytes), *made = passed(model, "{\"pass\":\"half\"}");
  const pare_tensor *half = &made->values[pare_model_find_value(made, "w")].tensor;
  assert_int_equal(half->dtype, PARE_F16);
  assert_true(pare_tensor_get_f64(half, 0) == 65504);
  assert_true(pare_tensor_get_f64(half, 1) == -0x1p-24);
  assert_int_equal(made->n_nodes, 4);
  assert_int_equal(made->values[made->inputs[0]].dtype, PARE_F32);
  pare_model *inside = passed(model, "{\"pass\":\"half\",\"keep_io_types\":false}");
  assert_int_equal(inside->n_nodes, 2);
  assert_int_equal(inside->values[inside->inputs[0]].dtype, PARE_F16);
  assert_int_equal(inside->values[inside->outputs[0]].dtype, PARE_F16);
  if (have_onnx_checker()) assert_true(onnx_checker_accepts(made) && onnx_checker_accepts(inside));
  pare_model_free(inside);
  pare_model_free(made);
  pare_model_free(model);
}

static void what_is_quantized_does_not_become_half_precision(void **state) {
  (void)state;
  pare_model *model = quantized_add("Relu", 0), *out;
  assert_int_equal(run_pass(model, "{\"pass\":\"half\"}", &out), PARE_BAD_RECIPE);
  assert_error_has(ctx, "'qx' (QuantizeLinear)");
  pare_model_free(model);
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
  pare_model *products = two_products(true);
  pare_model *whole = passed(products, "{\"pass\":\"quantize_weights\",\"bits\":\"int4\",\"block_size\":0}");
  pare_model *packed = passed(products, "{\"pass\":\"export\",\"style\":\"nbits_int8\"}");
  expect_runtime(whole, "onnxruntime@1.18", false, "there from ONNX Runtime 1.19");
  expect_runtime(whole, "onnxruntime@1.19", true, "\"oldest\":\"1.19\"");
  expect_runtime(packed, "onnxruntime@1.17", false, "\"oldest\":\"1.22\"");
  pare_model_free(packed);
  pare_model_free(whole);
  pare_model_free(products);
  pare_buffer json;
  assert_int_equal(pare_model_check_runtime(model, "onnxruntime@2.0", &json), PARE_BAD_ARGUMENT);
  assert_int_equal(pare_model_check_runtime(model, "tflite", &json), PARE_BAD_ARGUMENT);
  pare_model_free(integer);
  pare_model_free(add);
  pare_model_free(model);
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

static pare_status every_form(pare_context *on, const pare_buffer *file) {
  static const char *const steps[] = {
      "{\"pass\":\"quantize_weights\",\"symmetric\":false}",
      "{\"pass\":\"quantize_weights\",\"bits\":\"int4\",\"operator\":\"matmul_nbits\"}",
      "{\"pass\":\"half\"}", "{\"pass\":\"export\",\"sparse\":true,\"opset\":17}"};
  pare_model *model = NULL;
  pare_status status = pare_model_load(on, file->data, file->len_bytes, &model);
  for (size_t i = 0; i < PARE_COUNT(steps) && status == PARE_OK; i++) {
    pare_model *out = NULL;
    pare_buffer saved = {0};
    status = run_pass(model, steps[i], &out);
    if (status == PARE_OK) status = pare_model_save(out, &saved);
    pare_buffer_free(on, &saved);
    pare_model_free(out);
  }
  pare_model_free(model);
  return status;
}

static void running_out_of_memory_anywhere_leaks_nothing(void **state) {
  (void)state;
  pare_model *model = two_products(true);
  pare_buffer file;
  assert_int_equal(pare_model_save(model, &file), PARE_OK);
  for (size_t fail_at = 0;; fail_at++) {
    pare_context *on = failing_context(fail_at);
    if (on) {
      const pare_status status = every_form(on, &file);
      if (status != (failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK)) fail_msg("%s", pare_error(on));
      pare_context_free(on);
    }
    assert_int_equal(failing_live_bytes(), 0);
    assert_int_equal(failing_wrong_sizes(), 0);
    if (!failing_happened()) break;
  }
  pare_buffer_free(ctx, &file);
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
      cmocka_unit_test_setup_teardown(both_forms_of_blocks_compute_the_same_bytes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(blocks_are_counted_as_the_weights_they_hold, set_up, tear_down),
      cmocka_unit_test_setup_teardown(blocks_of_a_size_that_no_runtime_takes_are_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(half_bytes_come_from_either_field, set_up, tear_down),
      cmocka_unit_test_setup_teardown(half_precision_casts_at_the_ends_and_keeps_extremes_finite, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_is_quantized_does_not_become_half_precision, set_up, tear_down),
      cmocka_unit_test_setup_teardown(running_out_of_memory_anywhere_leaks_nothing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
