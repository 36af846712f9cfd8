/* What was not touched survives: a file with metadata, doc strings, unknown attributes and fields, and a node that nobody here knows, goes through
 * every pass; and what needs the model run says that it cannot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/pass.h"
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

static void make_attr_string(pare_writer *graph, const char *name, const char *value) {
  size_t mark = pare_wire_begin(graph, 5);
  pare_wire_put_text(graph, 1, name);
  pare_wire_put_text(graph, 4, value);
  pare_wire_put_int(graph, 20, PARE_ATTR_STRING);
  pare_wire_end(graph, mark);
}

/* x [N,64] -> Gemm 'fc' -> acme.Shuffle 'strange' -> MatMul 'head' -> y. */
static void put_graph(pare_writer *graph, bool strange) {
  float w[64 * 32], v[32 * 4], b[32];
  for (int i = 0; i < 64 * 32; i++) w[i] = (float)((i * 37) % 101 - 50) / 50;
  for (int i = 0; i < 32 * 4; i++) v[i] = (float)((i * 29) % 53 - 20) / 20;
  for (int i = 0; i < 32; i++) b[i] = (float)i / 32;
  make_value(graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 64}, 2);
  make_tensor(graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){32, 64}, 2, w, sizeof w);
  make_tensor(graph, MAKE_INITIALIZER, "b", PARE_F32, (const int64_t[]){32}, 1, b, sizeof b);
  make_tensor(graph, MAKE_INITIALIZER, "v", PARE_F32, (const int64_t[]){32, 4}, 2, v, sizeof v);
  size_t node = make_node_begin(graph, "Gemm", "fc", "x,w,b", "h");
  make_attr_int(graph, "transB", 1);
  make_attr_string(graph, "acme_hint", "keep me");
  pare_wire_put_text(graph, 6, "the first layer");
  pare_wire_end(graph, node);
  node = make_node_begin(graph, strange ? "Shuffle" : "Identity", "strange", "h", "s");
  make_attr_ints(graph, "order", (const int64_t[]){3, 1, 2}, 3);
  pare_wire_put_text(graph, 6, "nobody knows");
  if (strange) pare_wire_put_text(graph, 7, "acme");
  pare_wire_put_text(graph, 100, "a field of a later ONNX");
  pare_wire_end(graph, node);
  make_node(graph, "MatMul", "head", "s,v", "y");
  make_value(graph, MAKE_VALUE, "h", PARE_F32, (const int64_t[]){-1, 32}, 2);
  make_value(graph, MAKE_VALUE, "s", PARE_F32, (const int64_t[]){-1, 32}, 2);
  make_value(graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 4}, 2);
}

static void put_pair(pare_writer *out, const char *key, const char *value) {
  size_t pair = pare_wire_begin(out, 14);
  pare_wire_put_text(out, 1, key);
  pare_wire_put_text(out, 2, value);
  pare_wire_end(out, pair);
}

static pare_model *the_file(bool strange) {
  pare_writer out;
  pare_buffer bytes;
  pare_writer_init(&out, ctx);
  pare_wire_put_int(&out, 1, 8);
  pare_wire_put_text(&out, 2, "acme exporter");
  pare_wire_put_text(&out, 3, "7.1");
  pare_wire_put_text(&out, 4, "org.acme");
  pare_wire_put_int(&out, 5, 42);
  pare_wire_put_text(&out, 6, "what the model is for");
  size_t graph = pare_wire_begin(&out, 7);
  put_graph(&out, strange);
  pare_wire_put_text(&out, 2, "acme graph");
  pare_wire_put_text(&out, 10, "what the graph is for");
  pare_wire_end(&out, graph);
  size_t opset = pare_wire_begin(&out, 8);
  pare_wire_put_int(&out, 2, 13);
  pare_wire_end(&out, opset);
  opset = pare_wire_begin(&out, 8);
  pare_wire_put_text(&out, 1, "acme");
  pare_wire_put_int(&out, 2, 3);
  pare_wire_end(&out, opset);
  put_pair(&out, "author", "someone");
  put_pair(&out, "labels", "a,b,c");
  pare_wire_put_text(&out, 101, "a field of the model");
  assert_int_equal(pare_writer_finish(&out, &bytes), PARE_OK);
  return load_for_test(ctx, &bytes);
}

static void assert_bytes(pare_span bytes, const char *text) {
  bool found = false;
  const size_t n = strlen(text);
  for (size_t i = 0; i + n <= bytes.len_bytes && !found; i++) found = memcmp(bytes.data + i, text, n) == 0;
  if (!found) fail_msg("'%s' is not there any more", text);
}

/* As another program would read it. */
static void assert_kept(const pare_model *made) {
  pare_model *model = reload_for_test(ctx, made);
  assert_string_equal(model->producer_name, "acme exporter");
  assert_string_equal(model->producer_version, "7.1");
  assert_string_equal(model->domain, "org.acme");
  assert_int_equal(model->model_version, 42);
  assert_string_equal(model->doc, "what the model is for");
  assert_string_equal(model->graph_name, "acme graph");
  assert_string_equal(pare_model_metadata(model, "author"), "someone");
  assert_string_equal(pare_model_metadata(model, "labels"), "a,b,c");
  assert_int_equal(pare_model_opset(model, "acme"), 3);
  assert_bytes(model->extra, "a field of the model");
  assert_bytes(model->graph_extra, "what the graph is for");
  const pare_node *strange = node_for_test(model, "strange");
  size_t n;
  assert_string_equal(strange->op_type, "Shuffle");
  assert_string_equal(strange->domain, "acme");
  assert_string_equal(strange->doc, "nobody knows");
  assert_bytes(strange->extra, "a field of a later ONNX");
  const int64_t *order = pare_node_ints(strange, "order", &n);
  assert_true(n == 3 && order[0] == 3 && order[2] == 2);
  assert_string_equal(model->values[model->inputs[0]].name, "x");
  assert_string_equal(model->values[model->outputs[0]].name, "y");
  pare_model_free(model);
}

/* A node that became another one keeps its name, its doc string and the attributes that are nobody's. */
static void assert_layer_kept(const pare_model *model) {
  const pare_node *fc = node_for_test(model, "fc");
  assert_string_equal(fc->doc, "the first layer");
  assert_string_equal(pare_node_string(fc, "acme_hint", ""), "keep me");
}

static pare_status run_pass(const pare_model *model, const char *step, pare_model **out) {
  pare_json_doc *doc = NULL;
  pare_arena arena;
  pare_json details;
  *out = NULL;
  assert_int_equal(pare_json_parse(ctx, step, strlen(step), PARE_BAD_RECIPE, &doc), PARE_OK);
  const pare_pass *pass = pare_pass_find(pare_json_get_text(doc, pare_json_member(doc, 0, "pass")));
  pare_arena_init(&arena, ctx);
  void *params = pare_arena_alloc(&arena, pass->params_bytes + 1);
  assert_int_equal(pare_params_read(&arena, pass, doc, 0, 0, params), PARE_OK);
  const pare_pass_env env = {.ctx = ctx, .model = model, .original = model, .seed = 1, .params = params};
  pare_json_init(&details, ctx);
  pare_json_object(&details);
  const pare_status status = pass->apply(&env, out, &details);
  pare_json_free(&details);
  pare_arena_free(&arena);
  pare_json_doc_free(doc);
  return status;
}

static void every_pass_that_needs_no_run_keeps_the_rest(void **state) {
  (void)state;
  static const struct {
    const char *step;
    bool keeps_layer;
  } cases[] = {{"{\"pass\":\"prune\",\"amount\":0.9}", true},
               {"{\"pass\":\"init\"}", true},
               {"{\"pass\":\"quantize_weights\"}", true},
               {"{\"pass\":\"quantize_weights\",\"bits\":\"int4\",\"operator\":\"matmul_nbits\"}", true},
               {"{\"pass\":\"quantize_dynamic\"}", false}, /* several nodes stand for the layer */
               {"{\"pass\":\"half\"}", true},
               {"{\"pass\":\"simplify\"}", true},
               {"{\"pass\":\"export\",\"sparse\":true}", true},
               {"{\"pass\":\"export\",\"opset\":11}", true},
               {"{\"pass\":\"export\",\"opset\":21,\"style\":\"weights_int4\"}", true}};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_model *model = the_file(true), *made = NULL;
    assert_kept(model);
    if (run_pass(model, cases[i].step, &made) != PARE_OK) fail_msg("%s: %s", cases[i].step, pare_error(ctx));
    assert_kept(made);
    if (cases[i].keeps_layer) assert_layer_kept(made);
    pare_model_free(made);
    pare_model_free(model);
  }
}

static void all_of_them_in_a_row_keep_the_rest(void **state) {
  (void)state;
  static const char *const steps[] = {"{\"pass\":\"prune\",\"amount\":0.9}",
                                      "{\"pass\":\"quantize_weights\",\"layers\":[\"head\"]}",
                                      "{\"pass\":\"quantize_dynamic\",\"layers\":[\"fc\"]}",
                                      "{\"pass\":\"export\",\"sparse\":true,\"opset\":21}"};
  pare_model *model = the_file(true), *made = NULL;
  for (size_t i = 0; i < PARE_COUNT(steps); i++) {
    if (run_pass(model, steps[i], &made) != PARE_OK) fail_msg("%s: %s", steps[i], pare_error(ctx));
    pare_model_free(model);
    model = made;
  }
  assert_kept(model);
  pare_model_free(model);
}

static void what_needs_a_run_names_the_operator(void **state) {
  (void)state;
  pare_model *model = the_file(true), *made = NULL;
  assert_int_equal(run_pass(model, "{\"pass\":\"prune_channels\",\"amount\":0.5}", &made), PARE_UNSUPPORTED);
  assert_error_has(ctx, "acme.Shuffle (node 'strange')");
  pare_session *session = NULL;
  assert_int_equal(pare_session_new(model, NULL, &session), PARE_UNSUPPORTED);
  assert_error_has(ctx, "acme.Shuffle (node 'strange')");
  pare_buffer info;
  assert_int_equal(pare_model_info(model, &info), PARE_OK);
  const pare_span text = {info.data, info.len_bytes};
  assert_bytes(text, "\"unsupported\":[{\"op\":\"Shuffle\",\"domain\":\"acme\",\"node\":\"strange\"}]");
  assert_bytes(text, "\"possible\":[\"show\"");
  assert_bytes(text, "\"impossible\":[\"infer\",\"eval\",\"bench\",\"prune_channels\",\"train\"");
  assert_bytes(text, "\"parameters\":2208");
  pare_buffer_free(ctx, &info);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_pass_that_needs_no_run_keeps_the_rest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(all_of_them_in_a_row_keep_the_rest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_needs_a_run_names_the_operator, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
