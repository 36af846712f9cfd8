/* Masks equal to torch.nn.utils.prune's, and channels that leave without changing what a network computes. */
#include "golden.h"
#include "onnx_maker.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "compress/pass.h"
#include "compress/prune/pattern.h"
#include "compress/unshare.h"
#include "session/session.h"
#include "train/parameters.h"

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

/* Runs a pass with the parameters of a recipe step; takes `model` over. */
static pare_status run_pass(pare_model *model, const char *step, uint64_t seed, pare_model **out) {
  pare_json_doc *doc;
  pare_arena arena;
  pare_json details;
  pare_arena_init(&arena, ctx);
  assert_int_equal(pare_json_parse(ctx, step, strlen(step), PARE_BAD_RECIPE, &doc), PARE_OK);
  const pare_pass *pass = pare_pass_find(pare_json_get_text(doc, pare_json_member(doc, 0, "pass")));
  void *params = pare_arena_alloc(&arena, pass->params_bytes);
  assert_int_equal(pare_params_read(&arena, pass, doc, 0, 1, params), PARE_OK);
  pare_pass_env env = {.ctx = ctx, .model = model, .original = model, .seed = seed, .params = params};
  pare_json_init(&details, ctx);
  pare_json_object(&details);
  *out = NULL;
  pare_status status = pass->apply(&env, out, &details);
  pare_json_free(&details);
  pare_json_doc_free(doc);
  pare_arena_free(&arena);
  pare_model_free(model);
  return status;
}

static pare_model *must_run(pare_model *model, const char *step, uint64_t seed) {
  pare_model *out;
  if (run_pass(model, step, seed, &out) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return out;
}

/* Zeros and the hash of the mask bytes of all weights in graph order. */
static long long hash_masks(const pare_model *model, char hex[65]) {
  pare_sha256 hash;
  long long n_zeros = 0;
  pare_sha256_start(&hash);
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int j = 0; j < node->n_inputs; j++) {
      if (pare_parameter_role(model, node, j) != PARE_ROLE_WEIGHT) continue;
      const pare_value *value = &model->values[node->inputs[j]];
      assert_true(value->pruned);
      for (int64_t k = 0; k < pare_tensor_count(&value->tensor); k++) {
        uint8_t kept = pare_f32(&value->tensor)[k] != 0.0f;
        n_zeros += !kept;
        pare_sha256_add(&hash, &kept, 1);
      }
    }
  }
  pare_sha256_finish_hex(&hash, hex);
  return n_zeros;
}

static void check_case(const char *line) {
  char name[40], criterion[20], scope[20], expected[80], found[65], step[200], path[80];
  double amount;
  int repeats, seed;
  long long n_zeros;
  assert_int_equal(sscanf(line, "%39s %19s %19s %lf %d %d %lld %79s", name, criterion, scope, &amount,
                          &repeats, &seed, &n_zeros, expected),
                   8);
  snprintf(step, sizeof step, "{\"pass\":\"prune\",\"criterion\":\"%s\",\"scope\":\"%s\",\"%s\":%g}",
           criterion, scope, amount > 1 ? "count" : "amount", amount);
  snprintf(path, sizeof path, "examples/models/%s.onnx", name);
  pare_model *model = golden_model(ctx, path);
  for (int i = 0; i < repeats; i++) model = must_run(model, step, (uint64_t)(seed + i));
  assert_int_equal(hash_masks(model, found), n_zeros);
  if (strcmp(found, expected) != 0) fail_msg("%s: the mask is another", line);
  pare_model_free(model);
}

static void masks_equal_pytorchs(void **state) {
  (void)state;
  char line[300], path[600];
  int n_cases = 0;
  snprintf(path, sizeof path, "%s/tests/golden/prune/masks.txt", PARE_SOURCE_DIR);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (line[0] == '#') continue;
    check_case(line);
    n_cases++;
  }
  fclose(file);
  assert_int_equal(n_cases, 15);
}

static void fill_input(const pare_session *session) {
  pare_tensor_view input = pare_session_input(session, 0);
  for (size_t i = 0; i < input.len_bytes / 4; i++)
    ((float *)input.data)[i] = (float)((i * 2654435761u) % 1000u) / 1000.0f;
}

static void answer(const pare_model *model, float logits[10]) {
  pare_session *session;
  if (pare_session_new(model, NULL, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  fill_input(session);
  assert_int_equal(pare_session_run(session), PARE_OK);
  assert_int_equal(pare_session_output(session, 0).len_bytes, 40);
  memcpy(logits, pare_session_output(session, 0).data, 40);
  pare_session_free(session);
}

/* Zeroes filter `channel` of a convolution and its bias. */
static pare_model *without_filter(pare_model *model, const char *node_name, int64_t channel) {
  pare_model *clone;
  assert_int_equal(pare_model_clone(model, &clone), PARE_OK);
  pare_model_free(model);
  const pare_node *node = &clone->nodes[pare_model_find_node(clone, node_name)];
  for (int i = 1; i < node->n_inputs; i++) {
    pare_tensor *tensor;
    assert_int_equal(pare_model_edit_initializer(clone, node->inputs[i], &tensor), PARE_OK);
    int64_t n = pare_tensor_count(tensor) / tensor->shape.dims[0];
    for (int64_t k = 0; k < n; k++) pare_f32(tensor)[channel * n + k] = 0.0f;
  }
  return clone;
}

static void channels_of_zeros_leave_and_nothing_changes(void **state) {
  (void)state;
  float before[10], after[10];
  pare_model *model = without_filter(golden_model(ctx, "examples/models/lenet5.onnx"), "/0/Conv", 2);
  model = without_filter(model, "/0/Conv", 4);
  answer(model, before);
  model = must_run(model, "{\"pass\":\"prune_channels\",\"amount\":0.34,\"layers\":[\"/0/Conv\"]}", 1);
  answer(model, after);
  assert_memory_equal(before, after, sizeof before);
  const pare_node *first = &model->nodes[pare_model_find_node(model, "/0/Conv")];
  const pare_node *second = &model->nodes[pare_model_find_node(model, "/3/Conv")];
  assert_int_equal(model->values[first->inputs[1]].shape.dims[0], 4);
  assert_int_equal(model->values[second->inputs[1]].shape.dims[1], 4);
  pare_model_free(model);
}

static int64_t count_parameters(const pare_model *model) {
  int64_t n = 0;
  for (int i = 0; i < model->n_values; i++)
    if (model->values[i].is_initializer && model->values[i].dtype == PARE_F32)
      n += pare_tensor_count(&model->values[i].tensor);
  return n;
}

/* Residual sums and depthwise convolutions: what is left still fits together, and groups follow the channels. */
static void half_the_channels_leave_every_kind_of_network(void **state) {
  (void)state;
  static const struct {
    const char *path;
    int64_t parameters;
  } cases[] = {{"examples/models/lenet5_caffe.onnx", 109295},
               {"examples/models/resnet8.onnx", 19642},
               {"examples/models/dscnn.onnx", 5322}};
  float logits[10];
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_model *model =
        must_run(golden_model(ctx, cases[i].path), "{\"pass\":\"prune_channels\",\"amount\":0.5}", 1);
    assert_int_equal(count_parameters(model), cases[i].parameters);
    answer(model, logits);
    for (int k = 0; k < 10; k++) assert_true(isfinite(logits[k]));
    for (int k = 0; k < model->n_nodes; k++) {
      const pare_node *node = &model->nodes[k];
      int64_t n_groups = pare_node_int(node, "group", 1);
      if (pare_node_is(node, "Conv") && n_groups > 1)
        assert_int_equal(model->values[node->inputs[1]].shape.dims[0], n_groups);
    }
    pare_model_free(model);
  }
}

static void channels_are_kept_in_multiples(void **state) {
  (void)state;
  pare_model *model =
      must_run(golden_model(ctx, "examples/models/lenet5_caffe.onnx"),
               "{\"pass\":\"prune_channels\",\"amount\":0.5,\"round_to\":8,\"exclude\":[\"/5/Gemm\"]}", 1);
  const pare_node *first = &model->nodes[pare_model_find_node(model, "/0/Conv")];
  const pare_node *second = &model->nodes[pare_model_find_node(model, "/2/Conv")];
  const pare_node *third = &model->nodes[pare_model_find_node(model, "/5/Gemm")];
  assert_int_equal(model->values[first->inputs[1]].shape.dims[0], 16);
  assert_int_equal(model->values[second->inputs[1]].shape.dims[0], 32);
  assert_int_equal(model->values[third->inputs[1]].shape.dims[0], 500);
  pare_model_free(model);
}

/* The two of four at scores[first + a * step] that go, by the definition. */
static void check_four(const float *before, const float *after, int64_t first, int64_t step) {
  int n_zeros = 0;
  for (int a = 0; a < 4; a++) {
    const int64_t i = first + a * step;
    int n_lower = 0;
    for (int b = 0; b < 4; b++) {
      const float mine = fabsf(before[i]), other = fabsf(before[first + b * step]);
      n_lower += other < mine || (other == mine && b < a);
    }
    assert_true(after[i] == (n_lower < 2 ? 0.0f : before[i]));
    n_zeros += after[i] == 0.0f;
  }
  assert_true(n_zeros >= 2);
}

/* Weight `i_input` of a layer, whose inputs lie along `axis`; those beyond the last four stay. */
static void check_two_of_four(const pare_model *before, const pare_model *after, const char *layer,
                              int axis) {
  const pare_node *node = &before->nodes[pare_model_find_node(before, layer)];
  const pare_tensor *w = &before->values[node->inputs[1]].tensor,
                    *now = &after->values[after->nodes[pare_model_find_node(after, layer)].inputs[1]].tensor;
  const int64_t n = w->shape.dims[axis], inner = pare_shape_count_range(&w->shape, axis + 1, w->shape.rank),
                outer = pare_shape_count_range(&w->shape, 0, axis);
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) {
      int64_t k = 0;
      for (; k + 4 <= n; k += 4) check_four(pare_f32(w), pare_f32(now), (o * n + k) * inner + i, inner);
      for (; k < n; k++)
        assert_true(pare_f32(now)[(o * n + k) * inner + i] == pare_f32(w)[(o * n + k) * inner + i]);
    }
  }
}

static void two_of_every_four_inputs_leave(void **state) {
  (void)state;
  pare_model *before = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_model *after = must_run(pare_model_retain(before), "{\"pass\":\"prune\",\"pattern\":\"2:4\"}", 1);
  check_two_of_four(before, after, "/0/Conv", 1); /* one channel in: nothing leaves */
  check_two_of_four(before, after, "/3/Conv", 1); /* six: the last two stay */
  check_two_of_four(before, after, "/7/Gemm", 1);
  check_two_of_four(before, after, "/11/Gemm", 1);
  pare_model *again = must_run(pare_model_retain(after), "{\"pass\":\"prune\",\"pattern\":\"2:4\"}", 1);
  check_two_of_four(after, again, "/7/Gemm", 1);
  const pare_value *once = &after->values[after->nodes[pare_model_find_node(after, "/7/Gemm")].inputs[1]],
                   *twice = &again->values[again->nodes[pare_model_find_node(again, "/7/Gemm")].inputs[1]];
  assert_memory_equal(once->tensor.data, twice->tensor.data, pare_tensor_len_bytes(&once->tensor));
  assert_true(once->pruned);
  pare_model_free(before);
  pare_model_free(after);
  pare_model_free(again);
}

/* Which axis a layer sums over, and ties, NaN and what is left over, on a matrix stored both ways. */
static void patterns_follow_the_inputs_of_a_layer(void **state) {
  (void)state;
  const float scores[10] = {3, 1, 1, 1, 9, /* equal ones: the first go */ NAN, 5, NAN, 7, 0};
  float across[10], w[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const float expected[10] = {1, 0, 0, 4, 5, 6, 0, 8, 0, 10};
  const pare_shape shape = PARE_SHAPE(2, 5), turned = PARE_SHAPE(5, 2);
  float turned_scores[10], turned_w[10];
  memcpy(across, w, sizeof w);
  pare_prune_two_of_four(across, scores, &shape, 1);
  assert_memory_equal(across, expected, sizeof expected);
  for (int i = 0; i < 10; i++)
    turned_scores[i % 5 * 2 + i / 5] = scores[i], turned_w[i % 5 * 2 + i / 5] = w[i];
  pare_prune_two_of_four(turned_w, turned_scores, &turned, 0);
  for (int i = 0; i < 10; i++) assert_true(turned_w[i % 5 * 2 + i / 5] == expected[i]);
  const pare_node conv = {.op_type = "Conv", .domain = ""}, matmul = {.op_type = "MatMul", .domain = ""},
                  gemm = {.op_type = "Gemm", .domain = ""}, lstm = {.op_type = "LSTM", .domain = ""};
  const pare_shape kernel = PARE_SHAPE(8, 4, 3, 3), batch = PARE_SHAPE(2, 8, 4), gates = PARE_SHAPE(1, 16, 4);
  assert_int_equal(pare_input_axis(&conv, 1, &kernel), 1);
  assert_int_equal(pare_input_axis(&matmul, 1, &batch), 1);
  assert_int_equal(pare_input_axis(&matmul, 0, &batch), 2);
  assert_int_equal(pare_input_axis(&gemm, 1, &shape), 0);
  assert_int_equal(pare_input_axis(&lstm, 2, &gates), 2);
}

static void a_pattern_of_biases_is_refused(void **state) {
  (void)state;
  pare_model *out;
  assert_int_equal(run_pass(golden_model(ctx, "examples/models/lenet5.onnx"),
                            "{\"pass\":\"prune\",\"pattern\":\"2:4\",\"parameters\":\"both\"}", 1, &out),
                   PARE_BAD_RECIPE);
  assert_error_has(ctx, "parameters must be 'weight'");
  assert_null(out);
}

static void a_layer_that_is_not_there_is_named(void **state) {
  (void)state;
  pare_model *out;
  assert_int_equal(run_pass(golden_model(ctx, "examples/models/lenet5.onnx"),
                            "{\"pass\":\"prune\",\"layers\":[\"conv9\"]}", 1, &out),
                   PARE_BAD_RECIPE);
  assert_error_has(ctx, "layers: there is no layer 'conv9'");
  assert_null(out);
}

/* Three 1x1 convolutions in a row; the first two share their bias, directly or (PyTorch's exporter) through Identity. In the first
 * the small weights stand in the lower half, in the second in the upper. */
static pare_model *convs_that_share_a_bias(bool through_identity) {
  float w1[6 * 4], w2[6 * 6], w3[2 * 6], bias[6];
  for (int i = 0; i < 24; i++) w1[i] = i < 12 ? 0.01f : 1.0f;
  for (int i = 0; i < 36; i++) w2[i] = i < 18 ? 1.0f : 0.01f;
  for (int i = 0; i < 12; i++) w3[i] = 1.0f;
  for (int i = 0; i < 6; i++) bias[i] = (float)i;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  if (through_identity) make_node(&graph, "Identity", "same", "bias", "bias_2");
  make_node(&graph, "Conv", "conv1", "x,w1,bias", "y1");
  make_node(&graph, "Conv", "conv2", through_identity ? "y1,w2,bias_2" : "y1,w2,bias", "y2");
  make_node(&graph, "Conv", "conv3", "y2,w3", "y");
  make_tensor(&graph, MAKE_INITIALIZER, "w1", PARE_F32, (const int64_t[]){6, 4, 1, 1}, 4, w1, sizeof w1);
  make_tensor(&graph, MAKE_INITIALIZER, "w2", PARE_F32, (const int64_t[]){6, 6, 1, 1}, 4, w2, sizeof w2);
  make_tensor(&graph, MAKE_INITIALIZER, "w3", PARE_F32, (const int64_t[]){2, 6, 1, 1}, 4, w3, sizeof w3);
  make_tensor(&graph, MAKE_INITIALIZER, "bias", PARE_F32, (const int64_t[]){6}, 1, bias, sizeof bias);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){1, 4, 3, 3}, 4);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){1, 2, 3, 3}, 4);
  pare_buffer file = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &file), *unshared;
  assert_int_equal(pare_unshare(model, &unshared), PARE_OK);
  pare_model_free(model);
  return unshared;
}

static void check_bias(const pare_model *model, const char *node, const float *wanted) {
  const pare_tensor *bias = pare_model_const_input(model, node_for_test(model, node), 2);
  assert_non_null(bias);
  assert_int_equal(pare_tensor_count(bias), 3);
  assert_memory_equal(bias->data, wanted, 3 * sizeof(float));
}

static void layers_that_share_a_bias_lose_different_channels(void **state) {
  (void)state;
  for (int through_identity = 0; through_identity < 2; through_identity++) {
    pare_model *model = must_run(convs_that_share_a_bias(through_identity != 0),
                                 "{\"pass\":\"prune_channels\",\"amount\":0.5}", 1);
    check_bias(model, "conv1", (const float[]){3, 4, 5});
    check_bias(model, "conv2", (const float[]){0, 1, 2});
    pare_model_free(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(layers_that_share_a_bias_lose_different_channels, set_up, tear_down),
      cmocka_unit_test_setup_teardown(masks_equal_pytorchs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(channels_of_zeros_leave_and_nothing_changes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(half_the_channels_leave_every_kind_of_network, set_up, tear_down),
      cmocka_unit_test_setup_teardown(channels_are_kept_in_multiples, set_up, tear_down),
      cmocka_unit_test_setup_teardown(two_of_every_four_inputs_leave, set_up, tear_down),
      cmocka_unit_test_setup_teardown(patterns_follow_the_inputs_of_a_layer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pattern_of_biases_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_layer_that_is_not_there_is_named, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
