/* The trainer: PyTorch's first losses, the same bytes when interrupted, zeros that stay, layers that
 * stay, clear failures. */
#include "failing_alloc.h"
#include "golden.h"
#include "onnx/wire.h"
#include "onnx_maker.h"
#include "train/parameters.h"
#include "train/schedule.h"
#include "train/trainer.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GOLDEN "tests/golden/torch/"

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

static const pare_train_options plain = {
    .epochs = 1,
    .batch_size = 64,
    .learning_rate = 0.05,
    .settings = {.momentum = 0.9, .weight_decay = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    .step_size = 1,
    .gamma = 0.1,
};

static pare_trainer *start(const pare_trainer_setup *setup) {
  pare_trainer *trainer;
  if (pare_trainer_new(setup, &trainer) != PARE_OK) fail_msg("%s", pare_error(setup->model->ctx));
  return trainer;
}

static void finish(pare_trainer *trainer, char hex[65], pare_model **model) {
  pare_model *result;
  while (!pare_trainer_finished(trainer)) {
    if (pare_trainer_step(trainer, 1000) != PARE_OK) fail_msg("%s", pare_error(trainer->ctx));
  }
  assert_int_equal(pare_trainer_model(trainer, &result), PARE_OK);
  if (hex != NULL) assert_int_equal(pare_model_weights_sha256(result, hex), PARE_OK);
  if (model != NULL) *model = result;
  if (model == NULL) pare_model_free(result);
}

static pare_dataset *open_data(const char *spec) {
  pare_dataset *dataset;
  if (pare_dataset_open(ctx, spec, &dataset) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return dataset;
}

/* ---- against PyTorch --------------------------------------------------------------------------------- */

/* The three runs of make_train.py's first_losses(): SGD, Adam, AdamW. */
static void check_first_losses(const char *name, double tolerance) {
  char path[256];
  snprintf(path, sizeof(path), "examples/models/%s.onnx", name);
  pare_model *model = golden_model(ctx, path);
  snprintf(path, sizeof(path), GOLDEN "losses_%s.npy", name);
  pare_tensor losses = golden_npy(ctx, path);
  pare_dataset *dataset = open_data("fashion-mnist");
  pare_run_options run = {.limit_train = 640};
  const char *const optims[] = {"sgd", "adam", "adamw"};
  double worst = 0;
  for (int i_run = 0; i_run < 3; i_run++) {
    pare_train_options options = plain;
    options.optimizer = pare_optim_find(optims[i_run]);
    if (i_run > 0) options.learning_rate = 1e-3;
    if (i_run == 2) options.settings.weight_decay = 1e-2;
    pare_trainer_setup setup = {.model = model, .dataset = dataset, .run = &run, .options = &options};
    pare_trainer *trainer = start(&setup);
    assert_int_equal(trainer->n_total, 10);
    for (int i = 0; i < 10; i++) {
      if (pare_trainer_step(trainer, 0) != PARE_OK) fail_msg("%s", pare_error(ctx));
      assert_int_equal(trainer->state.i_batch, i + 1);
      double expected = pare_tensor_get_f64(&losses, i_run * 10 + i);
      worst = fmax(worst, fabs(trainer->state.loss / expected - 1));
      golden_close(optims[i_run], trainer->state.loss, expected, tolerance, 0);
    }
    pare_trainer_free(trainer);
  }
  print_message("%s: worst relative deviation of a loss %.2g\n", name, worst);
  pare_dataset_free(dataset);
  pare_tensor_release(&losses);
  pare_model_free(model);
}

static void lenet5_has_torchs_ten_first_losses(void **state) {
  (void)state;
  check_first_losses("lenet5", 1e-4);
}

static void lstm_student_has_torchs_ten_first_losses(void **state) {
  (void)state;
  check_first_losses("lstm_student", 1e-4);
}

static void batch_normalization_follows_running_statistics_as_torch(void **state) {
  (void)state;
  const char *const files[4] = {GOLDEN "images.npy", GOLDEN "labels.npy", GOLDEN "images.npy",
                                GOLDEN "labels.npy"};
  pare_model *model = golden_model(ctx, GOLDEN "bn.onnx"), *result;
  pare_dataset *dataset = golden_dataset(ctx, files);
  pare_tensor expected = golden_npy(ctx, GOLDEN "bn_statistics.npy");
  pare_train_options options = plain;
  options.batch_size = 8;
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options};
  pare_trainer *trainer = start(&setup);
  assert_int_equal(trainer->n_total, 1);
  finish(trainer, NULL, &result);
  const char *const names[] = {"bn.mean", "bn.var"};
  for (int row = 0; row < 2; row++) {
    const pare_tensor *statistic = &result->values[pare_model_find_value(result, names[row])].tensor;
    const pare_tensor *before = &model->values[pare_model_find_value(model, names[row])].tensor;
    for (int i = 0; i < 4; i++) {
      golden_close(names[row], (double)pare_f32(statistic)[i], (double)pare_f32(&expected)[row * 4 + i], 1e-5,
                   1e-7);
      assert_true(pare_f32(statistic)[i] != pare_f32(before)[i]); /* the given model is not touched */
    }
  }
  pare_model_free(result);
  pare_trainer_free(trainer);
  pare_tensor_release(&expected);
  pare_dataset_free(dataset);
  pare_model_free(model);
}

/* ---- the same bytes ---------------------------------------------------------------------------------- */

/* logits = relu(x w1 + b1) w2 + b2 for the spirals, by Gemm; `last` is put behind it ("" or an operator's
 * name). */
static pare_model *small_net(pare_context *context, const char *last) {
  pare_writer graph;
  const int64_t in[2] = {-1, 2}, w1_dims[2] = {16, 2}, b1_dims[1] = {16}, w2_dims[2] = {3, 16},
                b2_dims[1] = {3}, out[2] = {-1, 3};
  float w1[32], b1[16], w2[48], b2[3] = {0};
  pare_rng rng = pare_rng_new(7, "small net");
  for (int i = 0; i < 32; i++) w1[i] = pare_rng_f32(&rng) * 2 - 1;
  for (int i = 0; i < 16; i++) b1[i] = pare_rng_f32(&rng) - 0.5f;
  for (int i = 0; i < 48; i++) w2[i] = pare_rng_f32(&rng) - 0.5f;
  pare_writer_init(&graph, context);
  size_t at = make_node_begin(&graph, "Gemm", "first", "x,w1,b1", "h");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, at);
  make_node(&graph, "Relu", "relu", "h", "r");
  at = make_node_begin(&graph, "Gemm", "second", "r,w2,b2", last[0] ? "z" : "y");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, at);
  if (last[0]) make_node(&graph, last, "last", "z", "y");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, in, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, out, 2);
  make_tensor(&graph, MAKE_INITIALIZER, "w1", PARE_F32, w1_dims, 2, w1, sizeof(w1));
  make_tensor(&graph, MAKE_INITIALIZER, "b1", PARE_F32, b1_dims, 1, b1, sizeof(b1));
  make_tensor(&graph, MAKE_INITIALIZER, "w2", PARE_F32, w2_dims, 2, w2, sizeof(w2));
  make_tensor(&graph, MAKE_INITIALIZER, "b2", PARE_F32, b2_dims, 1, b2, sizeof(b2));
  bool failed = graph.failed;
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = NULL;
  pare_status status = failed || bytes.data == NULL
                           ? PARE_OUT_OF_MEMORY
                           : pare_model_load(context, bytes.data, bytes.len_bytes, &model);
  pare_buffer_free(context, &bytes);
  return status == PARE_OK ? model : NULL;
}

static pare_train_options spirals_options(void) {
  pare_train_options options = plain;
  options.epochs = 3;
  options.batch_size = 48;
  options.shuffle = true;
  options.schedule = 2;
  options.clip_norm = 5;
  return options;
}

static void interrupted_and_resumed_gives_the_same_bytes(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "");
  for (int i_optim = 0; i_optim < pare_optim_count(); i_optim++) {
    pare_train_options options = spirals_options();
    options.optimizer = i_optim;
    if (i_optim > 0) options.learning_rate = 0.01;
    pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options, .seed = 5};
    char whole[65], resumed[65];
    pare_trainer *trainer = start(&setup);
    finish(trainer, whole, NULL);
    uint64_t n_total = trainer->n_total;
    pare_trainer_free(trainer);
    assert_int_equal(n_total, 3 * (2000 / 48));
    const uint64_t stops[] = {0, 1, n_total / 3, n_total / 2, n_total - 1};
    for (size_t i = 0; i < PARE_COUNT(stops); i++) {
      pare_writer writer;
      pare_buffer saved;
      trainer = start(&setup);
      while (trainer->state.i_batch < stops[i]) assert_int_equal(pare_trainer_step(trainer, 0), PARE_OK);
      pare_writer_init(&writer, ctx);
      pare_trainer_save(trainer, &writer);
      assert_int_equal(pare_writer_finish(&writer, &saved), PARE_OK);
      pare_trainer_free(trainer);
      trainer = start(&setup);
      assert_int_equal(pare_trainer_restore(trainer, (pare_span){saved.data, saved.len_bytes}), PARE_OK);
      finish(trainer, resumed, NULL);
      assert_string_equal(resumed, whole);
      pare_trainer_free(trainer);
      pare_buffer_free(ctx, &saved);
    }
  }
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void a_checkpoint_of_something_else_is_refused(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "");
  pare_train_options options = spirals_options();
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options};
  pare_trainer *trainer = start(&setup);
  pare_writer writer;
  pare_buffer saved;
  pare_writer_init(&writer, ctx);
  pare_trainer_save(trainer, &writer);
  assert_int_equal(pare_writer_finish(&writer, &saved), PARE_OK);
  for (size_t len = 0; len < saved.len_bytes; len += 97) {
    assert_int_equal(pare_trainer_restore(trainer, (pare_span){saved.data, len}), PARE_BAD_ARGUMENT);
  }
  pare_trainer_free(trainer);
  options.epochs = 4;
  trainer = start(&setup);
  assert_int_equal(pare_trainer_restore(trainer, (pare_span){saved.data, saved.len_bytes}),
                   PARE_BAD_ARGUMENT);
  pare_trainer_free(trainer);
  pare_buffer_free(ctx, &saved);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void threads_do_not_change_the_weights(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_dataset *dataset = open_data("fashion-mnist");
  char hex[2][65];
  for (int i = 0; i < 2; i++) {
    pare_run_options run = {.limit_train = 320, .n_threads = i + 1};
    pare_train_options options = plain;
    options.shuffle = true;
    pare_trainer_setup setup = {
        .model = model, .dataset = dataset, .run = &run, .options = &options, .seed = 1};
    pare_trainer *trainer = start(&setup);
    finish(trainer, hex[i], NULL);
    pare_trainer_free(trainer);
  }
  assert_string_equal(hex[0], hex[1]);
  pare_dataset_free(dataset);
  pare_model_free(model);
}

static void spirals_are_learned_and_the_seed_decides(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "");
  char before[65], hex[3][65];
  assert_int_equal(pare_model_weights_sha256(model, before), PARE_OK);
  for (int i = 0; i < 3; i++) {
    pare_train_options options = spirals_options();
    options.epochs = 20;
    pare_trainer_setup setup = {
        .model = model, .dataset = dataset, .options = &options, .seed = i == 2 ? 4 : 3};
    pare_trainer *trainer = start(&setup);
    finish(trainer, hex[i], NULL);
    assert_true(pare_trainer_accuracy(trainer) > 0.8);
    assert_int_equal(trainer->state.n_points, 164); /* 820 batches, 5 to a point */
    assert_true(trainer->state.curve_loss[163] < trainer->state.curve_loss[0]);
    pare_trainer_free(trainer);
  }
  assert_string_equal(hex[0], hex[1]);
  assert_string_not_equal(hex[0], hex[2]);
  char after[65];
  assert_int_equal(pare_model_weights_sha256(model, after), PARE_OK);
  assert_string_equal(before, after);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void a_final_softmax_does_not_change_what_is_learned(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  char hex[3][65];
  const char *const lasts[] = {"", "Softmax", "LogSoftmax"};
  for (int i = 0; i < 3; i++) {
    pare_model *model = small_net(ctx, lasts[i]), *result;
    pare_train_options options = spirals_options();
    pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options};
    pare_trainer *trainer = start(&setup);
    finish(trainer, hex[i], &result);
    assert_int_equal(result->n_nodes, model->n_nodes); /* the Softmax is still there */
    pare_model_free(result);
    pare_trainer_free(trainer);
    pare_model_free(model);
  }
  assert_string_equal(hex[0], hex[1]);
  assert_string_equal(hex[0], hex[2]);
  pare_dataset_free(dataset);
}

/* ---- what stays -------------------------------------------------------------------------------------- */

static void pruned_weights_stay_zero_with_every_optimizer(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *given = small_net(ctx, ""), *model;
  assert_int_equal(pare_model_clone(given, &model), PARE_OK);
  int i_w1 = pare_model_find_value(model, "w1"), i_b2 = pare_model_find_value(model, "b2");
  pare_tensor *w1;
  assert_int_equal(pare_model_edit_initializer(model, i_w1, &w1), PARE_OK);
  for (int i = 0; i < 32; i += 2) pare_f32(w1)[i] = 0;
  model->values[i_w1].pruned = true;
  for (int i_optim = 0; i_optim < pare_optim_count(); i_optim++) {
    pare_train_options options = spirals_options();
    options.optimizer = i_optim;
    options.settings.nesterov = true;
    pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options};
    pare_model *result;
    pare_trainer *trainer = start(&setup);
    finish(trainer, NULL, &result);
    const float *w = pare_f32(&result->values[i_w1].tensor), *b = pare_f32(&result->values[i_b2].tensor);
    for (int i = 0; i < 32; i++) {
      if (i % 2 == 0) assert_true(w[i] == 0);
      if (i % 2 == 1) assert_true(w[i] != pare_f32(w1)[i]);
    }
    for (int i = 0; i < 3; i++) assert_true(b[i] != 0); /* zero, but not pruned: learns */
    assert_true(result->values[i_w1].pruned);
    pare_model_free(result);
    pare_trainer_free(trainer);
  }
  pare_model_free(model);
  pare_model_free(given);
  pare_dataset_free(dataset);
}

static void frozen_layers_stay_and_unknown_ones_are_named(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, ""), *result;
  pare_train_options options = spirals_options();
  const char *const first[] = {"first"}, *const unknown[] = {"nowhere"};
  pare_trainer_setup setup = {
      .model = model, .dataset = dataset, .options = &options, .freeze = first, .n_freeze = 1};
  pare_trainer *trainer = start(&setup);
  assert_int_equal(trainer->n_gradients, 2);
  finish(trainer, NULL, &result);
  const char *const names[] = {"w1", "b1", "w2", "b2"};
  for (int i = 0; i < 4; i++) {
    int i_value = pare_model_find_value(model, names[i]);
    const pare_tensor *before = &model->values[i_value].tensor, *after = &result->values[i_value].tensor;
    bool same = memcmp(before->data, after->data, pare_tensor_len_bytes(before)) == 0;
    assert_int_equal(same, i < 2);
  }
  pare_model_free(result);
  pare_trainer_free(trainer);
  setup.freeze = unknown;
  assert_int_equal(pare_trainer_new(&setup, &trainer), PARE_BAD_RECIPE);
  assert_error_has(ctx, "'nowhere'");
  pare_model_free(model);
  pare_dataset_free(dataset);
}

/* ---- failures ---------------------------------------------------------------------------------------- */

static void divergence_is_named_and_leaves_the_given_model_alone(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "");
  pare_train_options options = spirals_options();
  char before[65], after[65];
  assert_int_equal(pare_model_weights_sha256(model, before), PARE_OK);
  options.learning_rate = 1e30;
  options.schedule = 0;
  options.clip_norm = 0;
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &options};
  pare_trainer *trainer = start(&setup);
  pare_status status = PARE_OK;
  while (status == PARE_OK && !pare_trainer_finished(trainer)) status = pare_trainer_step(trainer, 0);
  assert_int_equal(status, PARE_BAD_ARGUMENT);
  assert_error_has(ctx, "diverged");
  assert_error_has(ctx, "learning rate 1e+30");
  assert_error_has(ctx, "batch");
  pare_trainer_free(trainer);
  assert_int_equal(pare_model_weights_sha256(model, after), PARE_OK);
  assert_string_equal(before, after);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void data_that_does_not_fit_is_refused(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &plain};
  pare_trainer *trainer;
  assert_int_equal(pare_trainer_new(&setup, &trainer), PARE_BAD_DATA);
  assert_null(trainer);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void a_quantized_model_is_told_to_train_before(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "DynamicQuantizeLinear");
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .options = &plain};
  pare_trainer *trainer;
  assert_int_equal(pare_trainer_new(&setup, &trainer), PARE_UNSUPPORTED);
  assert_error_has(ctx, "'last'");
  assert_error_has(ctx, "train before quantize");
  pare_model_free(model);
  pare_dataset_free(dataset);
}

static void fewer_samples_than_a_batch_make_one_batch(void **state) {
  (void)state;
  pare_dataset *dataset = open_data("spirals");
  pare_model *model = small_net(ctx, "");
  pare_run_options run = {.limit_train = 10};
  pare_trainer_setup setup = {.model = model, .dataset = dataset, .run = &run, .options = &plain};
  pare_trainer *trainer = start(&setup);
  assert_int_equal(trainer->n_batch, 10);
  assert_int_equal(trainer->n_total, 1);
  finish(trainer, NULL, NULL);
  assert_int_equal(trainer->state.n_seen, 10);
  pare_trainer_free(trainer);
  pare_model_free(model);
  pare_dataset_free(dataset);
}

/* From model to trained model with the allocator failing at every call in turn. */
static void any_failing_allocation_is_reported_and_nothing_leaks(void **state) {
  (void)state;
  size_t n_failures = 0;
  for (size_t fail_at = 0;; fail_at++) {
    pare_context *context = failing_context(fail_at);
    if (context != NULL) {
      pare_dataset *dataset = NULL;
      pare_trainer *trainer = NULL;
      pare_model *model = small_net(context, "Softmax"), *result = NULL;
      pare_run_options run = {.limit_train = 20};
      pare_train_options options = spirals_options();
      options.batch_size = 10;
      options.epochs = 1;
      options.optimizer = 1;
      pare_status status =
          model != NULL ? pare_dataset_open(context, "spirals", &dataset) : PARE_OUT_OF_MEMORY;
      pare_trainer_setup setup = {.model = model, .dataset = dataset, .run = &run, .options = &options};
      if (status == PARE_OK) status = pare_trainer_new(&setup, &trainer);
      if (status == PARE_OK) status = pare_trainer_step(trainer, 10000);
      if (status == PARE_OK) status = pare_trainer_model(trainer, &result);
      if (status != (failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK)) {
        fail_msg("allocation %zu: %s: %s", fail_at, pare_status_name(status), pare_error(context));
      }
      pare_model_free(result);
      pare_trainer_free(trainer);
      pare_dataset_free(dataset);
      pare_model_free(model);
      pare_context_free(context);
    }
    assert_int_equal(failing_live_bytes(), 0);
    if (!failing_happened()) break;
    n_failures++;
  }
  assert_true(n_failures > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lenet5_has_torchs_ten_first_losses),
      cmocka_unit_test(lstm_student_has_torchs_ten_first_losses),
      cmocka_unit_test(batch_normalization_follows_running_statistics_as_torch),
      cmocka_unit_test(interrupted_and_resumed_gives_the_same_bytes),
      cmocka_unit_test(a_checkpoint_of_something_else_is_refused),
      cmocka_unit_test(threads_do_not_change_the_weights),
      cmocka_unit_test(spirals_are_learned_and_the_seed_decides),
      cmocka_unit_test(a_final_softmax_does_not_change_what_is_learned),
      cmocka_unit_test(pruned_weights_stay_zero_with_every_optimizer),
      cmocka_unit_test(frozen_layers_stay_and_unknown_ones_are_named),
      cmocka_unit_test(divergence_is_named_and_leaves_the_given_model_alone),
      cmocka_unit_test(data_that_does_not_fit_is_refused),
      cmocka_unit_test(a_quantized_model_is_told_to_train_before),
      cmocka_unit_test(fewer_samples_than_a_batch_make_one_batch),
      cmocka_unit_test(any_failing_allocation_is_reported_and_nothing_leaks),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
