/* What is learned in graphs as other exporters write them, and what is not: weights behind a Transpose, biases
 * of a MatMul, scalars, running statistics of a frozen layer. */
#include "golden.h"
#include "onnx/wire.h"
#include "onnx_maker.h"
#include "train/parameters.h"
#include "train/trainer.h"
#include "unit.h"

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

static const float weights[6] = {0.5f, -0.25f, 0.75f, 1, -1, 0.125f};

static void put_constant_node(pare_writer *graph, const char *output) {
  const int64_t dims[2] = {2, 3};
  size_t node = make_node_begin(graph, "Constant", output, "", output), attr = pare_wire_begin(graph, 5);
  pare_wire_put_text(graph, 1, "value");
  pare_wire_put_int(graph, 20, 4);
  make_tensor(graph, 5, "", PARE_F32, dims, 2, weights, sizeof(weights));
  pare_wire_end(graph, attr);
  pare_wire_end(graph, node);
}

/* logits [N,3] = (x * two) weight + b; `weight` is Transpose(w [3,2]), or a Constant node [2,3]. */
static pare_model *other_exporter(bool constant_node) {
  const int64_t in[2] = {-1, 2}, out[2] = {-1, 3}, w_dims[2] = {3, 2}, b_dims[1] = {3}, perm[2] = {1, 0};
  const float two = 2, b[3] = {0};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_node(&graph, "Mul", "scale", "x,two", "s");
  if (constant_node) put_constant_node(&graph, "weight");
  if (!constant_node) {
    size_t at = make_node_begin(&graph, "Transpose", "turn", "w", "weight");
    make_attr_ints(&graph, "perm", perm, 2);
    pare_wire_end(&graph, at);
  }
  make_node(&graph, "MatMul", "product", "s,weight", "p");
  make_node(&graph, "Add", "bias", "p,b", "y");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, in, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, out, 2);
  if (!constant_node)
    make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, w_dims, 2, weights, sizeof(weights));
  make_tensor(&graph, MAKE_INITIALIZER, "two", PARE_F32, NULL, 0, &two, sizeof(two));
  make_tensor(&graph, MAKE_INITIALIZER, "b", PARE_F32, b_dims, 1, b, sizeof(b));
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model;
  if (pare_model_load(ctx, bytes.data, bytes.len_bytes, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_buffer_free(ctx, &bytes);
  return model;
}

static const pare_train_options options = {
    .epochs = 3,
    .batch_size = 8,
    .learning_rate = 0.1,
    .settings = {.momentum = 0.9},
    .step_size = 1,
    .gamma = 1,
};

/* Trains to the end; false when it does not start. */
static bool train(const pare_model *model, const pare_dataset *dataset, const char *freeze,
                  pare_model **out) {
  pare_trainer_setup setup = {
      .model = model, .dataset = dataset, .options = &options, .freeze = &freeze, .n_freeze = freeze != NULL};
  pare_trainer *trainer;
  if (pare_trainer_new(&setup, &trainer) != PARE_OK) return false;
  if (pare_trainer_step(trainer, 60000) != PARE_OK) fail_msg("%s", pare_error(ctx));
  assert_true(pare_trainer_finished(trainer));
  assert_int_equal(pare_trainer_model(trainer, out), PARE_OK);
  pare_trainer_free(trainer);
  return true;
}

static bool same(const pare_model *a, const pare_model *b, const char *name) {
  int i = pare_model_find_value(a, name), j = pare_model_find_value(b, name);
  assert_true(i >= 0 && j >= 0);
  const pare_tensor *x = &a->values[i].tensor, *y = &b->values[j].tensor;
  return memcmp(x->data, y->data, pare_tensor_len_bytes(x)) == 0;
}

static void a_weight_behind_transpose_and_a_bias_by_add_learn_a_scalar_does_not(void **state) {
  (void)state;
  pare_dataset *dataset;
  assert_int_equal(pare_dataset_open(ctx, "spirals", &dataset), PARE_OK);
  pare_model *model = other_exporter(false), *result;
  if (!train(model, dataset, NULL, &result)) fail_msg("%s", pare_error(ctx));
  assert_false(same(model, result, "w"));
  assert_false(same(model, result, "b"));
  assert_true(same(model, result, "two"));
  pare_model_free(result);
  if (!train(model, dataset, "product", &result)) fail_msg("%s", pare_error(ctx));
  assert_true(same(model, result, "w")); /* frozen through the Transpose */
  assert_false(same(model, result, "b"));
  pare_model_free(result);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void a_weight_in_a_constant_node_is_refused_by_name(void **state) {
  (void)state;
  pare_dataset *dataset;
  assert_int_equal(pare_dataset_open(ctx, "spirals", &dataset), PARE_OK);
  pare_model *model = other_exporter(true), *result;
  assert_false(train(model, dataset, NULL, &result));
  assert_error_has(ctx, "'product'");
  assert_error_has(ctx, "'weight'");
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void a_frozen_batch_normalization_keeps_its_statistics(void **state) {
  (void)state;
  const char *const files[4] = {"tests/golden/torch/images.npy", "tests/golden/torch/labels.npy",
                                "tests/golden/torch/images.npy", "tests/golden/torch/labels.npy"};
  pare_model *model = golden_model(ctx, "tests/golden/torch/bn.onnx"), *result;
  pare_dataset *dataset = golden_dataset(ctx, files);
  if (!train(model, dataset, "bn", &result)) fail_msg("%s", pare_error(ctx));
  const char *const kept[] = {"bn.scale", "bn.bias", "bn.mean", "bn.var"};
  for (int i = 0; i < 4; i++) assert_true(same(model, result, kept[i]));
  assert_false(same(model, result, "conv.weight"));
  pare_model_free(result);
  if (!train(model, dataset, NULL, &result)) fail_msg("%s", pare_error(ctx));
  for (int i = 0; i < 4; i++) assert_false(same(model, result, kept[i]));
  pare_model_free(result);
  pare_dataset_free(dataset);
  pare_model_free(model);
}

static void nothing_to_train_is_an_error(void **state) {
  (void)state;
  pare_dataset *dataset;
  const int64_t dims[2] = {-1, 2}, twice[2] = {-1, 4};
  assert_int_equal(pare_dataset_open(ctx, "spirals", &dataset), PARE_OK);
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t at = make_node_begin(&graph, "Concat", "twice", "x,x", "y");
  make_attr_int(&graph, "axis", 1);
  pare_wire_end(&graph, at);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, dims, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, twice, 2);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model, *result;
  if (pare_model_load(ctx, bytes.data, bytes.len_bytes, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_buffer_free(ctx, &bytes);
  assert_false(train(model, dataset, NULL, &result));
  assert_error_has(ctx, "nothing to train");
  pare_model_free(model);
  pare_dataset_free(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_weight_behind_transpose_and_a_bias_by_add_learn_a_scalar_does_not),
      cmocka_unit_test(a_weight_in_a_constant_node_is_refused_by_name),
      cmocka_unit_test(a_frozen_batch_normalization_keeps_its_statistics),
      cmocka_unit_test(nothing_to_train_is_an_error),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
