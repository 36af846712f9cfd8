/* The passes `distill` and `init`: the well-known example of two LSTM classifiers (input 2, hidden 16 and
 * 8, 6 steps, 4 classes, SGD 0.1 with momentum 0.9, 0.9 soft + 0.1 hard) gives PyTorch's losses in both
 * forms; fresh weights lie where PyTorch draws them. */
#include "compress/pass.h"
#include "golden.h"
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

/* A pass with its parameters read from a recipe's step. */
typedef struct prepared {
  pare_arena arena;
  pare_json_doc *doc;
  const pare_pass *pass;
  void *params;
  pare_run_options options;
  pare_named_model named;
  pare_pass_env env;
} prepared;

static pare_status prepare(prepared *p, const char *json, const pare_model *model, const pare_model *teacher,
                           const pare_dataset *dataset) {
  memset(p, 0, sizeof(*p));
  pare_arena_init(&p->arena, ctx);
  assert_int_equal(pare_json_parse(ctx, json, strlen(json), PARE_BAD_RECIPE, &p->doc), PARE_OK);
  p->pass = pare_pass_find(pare_json_get_text(p->doc, pare_json_member(p->doc, 0, "pass")));
  assert_non_null(p->pass);
  p->params = pare_arena_alloc(&p->arena, p->pass->params_bytes);
  assert_non_null(p->params);
  p->named = (pare_named_model){"teacher", teacher};
  p->options.models = &p->named;
  p->options.n_models = teacher != NULL;
  p->env = (pare_pass_env){
      .ctx = ctx,
      .model = model,
      .original = model,
      .dataset = dataset,
      .options = &p->options,
      .seed = 11,
      .params = p->params,
  };
  return pare_params_read(&p->arena, p->pass, p->doc, 0, 0, p->params);
}

static void release(prepared *p) {
  pare_json_doc_free(p->doc);
  pare_arena_free(&p->arena);
}

static pare_dataset *example_data(void) {
  const char *const files[4] = {GOLDEN "kd_x.npy", GOLDEN "kd_y.npy", GOLDEN "kd_x.npy", GOLDEN "kd_y.npy"};
  return golden_dataset(ctx, files);
}

static const char example[] = "{\"pass\": \"distill\", \"teacher\": \"teacher\", \"epochs\": 4, "
                              "\"batch_size\": 32, \"learning_rate\": 0.1, "
                              "\"momentum\": 0.9, \"weight_decay\": 0, \"schedule\": \"constant\", "
                              "\"clip_norm\": 0, \"shuffle\": false, "
                              "\"alpha\": 0.9, \"temperature\": %g, \"reduction\": \"%s\", \"form\": \"%s\"}";

/* KD_RUNS of make_train.py, in order. */
static const struct run {
  const char *form, *reduction;
  double temperature;
  bool goes_negative;
} runs[] = {
    {"raw_logits", "mean", 1, true},
    {"raw_logits", "batchmean", 2, true},
    {"log_probabilities", "mean", 1, false},
    {"log_probabilities", "batchmean", 2, false},
};

static void check_details(const pare_json *details, const struct run *run) {
  const char *text = (const char *)details->writer.data;
  assert_int_equal(strstr(text, "\"warning\":") != NULL, run->goes_negative);
  if (run->goes_negative) assert_non_null(strstr(text, "log-probabilities"));
  assert_non_null(strstr(text, run->form));
  assert_non_null(strstr(text, run->reduction));
}

static void the_well_known_example_has_torchs_losses_in_both_forms(void **state) {
  (void)state;
  pare_model *teacher = golden_model(ctx, "examples/kd/teacher.onnx"),
             *student = golden_model(ctx, "examples/kd/student.onnx");
  pare_dataset *dataset = example_data();
  pare_tensor losses = golden_npy(ctx, GOLDEN "kd_losses.npy");
  for (int i_run = 0; i_run < (int)PARE_COUNT(runs); i_run++) {
    char json[512];
    prepared p;
    snprintf(json, sizeof(json), example, runs[i_run].temperature, runs[i_run].reduction, runs[i_run].form);
    if (prepare(&p, json, student, teacher, dataset) != PARE_OK) fail_msg("%s", pare_error(ctx));
    void *running;
    if (p.pass->start(&p.env, &running) != PARE_OK) fail_msg("%s", pare_error(ctx));
    pare_json details;
    pare_model *out = NULL;
    double worst = 0, lowest = 0;
    pare_json_init(&details, ctx);
    pare_json_object(&details);
    for (int i = 0; i < 40; i++) {
      pare_pass_progress progress;
      assert_null(out);
      if (p.pass->step(running, 0, &progress, &out, &details) != PARE_OK) fail_msg("%s", pare_error(ctx));
      assert_int_equal(progress.done, i + 1);
      assert_int_equal(progress.total, 40);
      double expected = pare_tensor_get_f64(&losses, i_run * 40 + i);
      worst = fmax(worst, fabs(progress.loss - expected) / (fabs(expected) + 0.01));
      lowest = fmin(lowest, progress.loss);
      golden_close(runs[i_run].form, progress.loss, expected, 2e-4, 2e-6);
    }
    print_message("%s %s T=%g: worst deviation %.2g, lowest loss %g\n", runs[i_run].form,
                  runs[i_run].reduction, runs[i_run].temperature, worst, lowest);
    assert_int_equal(lowest < 0, runs[i_run].goes_negative);
    assert_non_null(out);
    pare_json_end(&details, '}');
    pare_writer_put(&details.writer, "", 1);
    check_details(&details, &runs[i_run]);
    pare_json_free(&details);
    pare_model_free(out);
    p.pass->stop(running);
    release(&p);
  }
  pare_tensor_release(&losses);
  pare_dataset_free(dataset);
  pare_model_free(student);
  pare_model_free(teacher);
}

static void run_to_end(const prepared *p, void *running, char hex[65]) {
  pare_model *out = NULL;
  pare_pass_progress progress;
  while (out == NULL) {
    if (p->pass->step(running, 1000, &progress, &out, NULL) != PARE_OK) fail_msg("%s", pare_error(ctx));
  }
  assert_int_equal(pare_model_weights_sha256(out, hex), PARE_OK);
  pare_model_free(out);
}

static void distillation_interrupted_and_resumed_gives_the_same_bytes(void **state) {
  (void)state;
  pare_model *teacher = golden_model(ctx, "examples/kd/teacher.onnx"),
             *student = golden_model(ctx, "examples/kd/student.onnx");
  pare_dataset *dataset = example_data();
  prepared p;
  char whole[65], resumed[65];
  void *running;
  const char *json = "{\"pass\": \"distill\", \"teacher\": \"teacher\", \"epochs\": 3, \"batch_size\": 32}";
  if (prepare(&p, json, student, teacher, dataset) != PARE_OK) fail_msg("%s", pare_error(ctx));
  assert_int_equal(p.pass->start(&p.env, &running), PARE_OK);
  run_to_end(&p, running, whole);
  p.pass->stop(running);

  assert_int_equal(p.pass->start(&p.env, &running), PARE_OK);
  for (int i = 0; i < 13; i++) {
    pare_pass_progress progress;
    pare_model *out;
    assert_int_equal(p.pass->step(running, 0, &progress, &out, NULL), PARE_OK);
    assert_null(out);
  }
  pare_writer writer;
  pare_buffer saved;
  pare_writer_init(&writer, ctx);
  assert_int_equal(p.pass->save(running, &writer), PARE_OK);
  assert_int_equal(pare_writer_finish(&writer, &saved), PARE_OK);
  p.pass->stop(running);
  assert_int_equal(p.pass->restore(&p.env, (pare_span){saved.data, saved.len_bytes}, &running), PARE_OK);
  run_to_end(&p, running, resumed);
  assert_string_equal(whole, resumed);
  p.pass->stop(running);
  assert_int_equal(p.pass->restore(&p.env, (pare_span){saved.data, 4}, &running), PARE_BAD_ARGUMENT);
  pare_buffer_free(ctx, &saved);
  release(&p);
  pare_dataset_free(dataset);
  pare_model_free(student);
  pare_model_free(teacher);
}

static void a_teacher_that_is_not_there_or_does_not_fit_is_named(void **state) {
  (void)state;
  pare_model *student = golden_model(ctx, "examples/kd/student.onnx"),
             *lenet = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_dataset *dataset = example_data();
  prepared p;
  void *running;
  assert_int_equal(prepare(&p, "{\"pass\": \"distill\", \"teacher\": \"nobody\"}", student, NULL, dataset),
                   PARE_OK);
  assert_int_equal(p.pass->start(&p.env, &running), PARE_BAD_RECIPE);
  assert_error_has(ctx, "'nobody'");
  release(&p);
  assert_int_equal(prepare(&p, "{\"pass\": \"distill\", \"teacher\": \"teacher\"}", student, lenet, dataset),
                   PARE_OK);
  assert_int_not_equal(p.pass->start(&p.env, &running), PARE_OK);
  assert_error_has(ctx, "teacher 'teacher'");
  release(&p);
  pare_dataset_free(dataset);
  pare_model_free(lenet);
  pare_model_free(student);
}

/* ---- init -------------------------------------------------------------------------------------------- */

static pare_model *fresh(const pare_model *model, const char *json, uint64_t seed) {
  prepared p;
  pare_model *out;
  if (prepare(&p, json, model, NULL, NULL) != PARE_OK) fail_msg("%s", pare_error(ctx));
  p.env.seed = seed;
  if (p.pass->apply(&p.env, &out, NULL) != PARE_OK) fail_msg("%s", pare_error(ctx));
  release(&p);
  return out;
}

/* Values lie in [-bound, bound], fill it, and have the mean and deviation of U(-bound, bound). */
static void check_uniform(const pare_model *model, const char *name, double bound) {
  int i_value = pare_model_find_value(model, name);
  assert_true(i_value >= 0);
  const pare_tensor *tensor = &model->values[i_value].tensor;
  int64_t n = pare_tensor_count(tensor);
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < n; i++) {
    double w = (double)pare_f32(tensor)[i];
    sum += w;
    squares += w * w;
    largest = fmax(largest, fabs(w));
  }
  if (largest > bound) fail_msg("%s: %g is beyond %g", name, largest, bound);
  if (n < 100) return;
  double deviation = bound / sqrt(3.0);
  assert_true(largest > 0.95 * bound);
  golden_close(name, sum / (double)n, 0, 0, 4 * deviation / sqrt((double)n));
  golden_close(name, sqrt(squares / (double)n), deviation, 4 / sqrt((double)n), 0);
}

static void fresh_weights_lie_where_torch_draws_them(void **state) {
  (void)state;
  pare_model *given = golden_model(ctx, "examples/models/lenet5.onnx"),
             *model = fresh(given, "{\"pass\": \"init\"}", 1);
  check_uniform(model, "0.weight", 1 / sqrt(25.0));
  check_uniform(model, "0.bias", 1 / sqrt(25.0));
  check_uniform(model, "3.weight", 1 / sqrt(150.0));
  check_uniform(model, "7.weight", 1 / sqrt(400.0));
  check_uniform(model, "7.bias", 1 / sqrt(400.0));
  check_uniform(model, "11.weight", 1 / sqrt(84.0));
  pare_model_free(model);
  pare_model_free(given);
  given = golden_model(ctx, "examples/models/dscnn.onnx");
  model = fresh(given, "{\"pass\": \"init\"}", 1);
  check_uniform(model, "onnx::Conv_87", 1 / sqrt(9.0)); /* depthwise: one channel each */
  check_uniform(model, "onnx::Conv_102", 1 / sqrt(64.0));
  pare_model_free(model);
  pare_model_free(given);
  given = golden_model(ctx, "examples/models/lstm_student.onnx");
  model = fresh(given, "{\"pass\": \"init\"}", 1);
  check_uniform(model, "onnx::LSTM_121", 1 / sqrt(24.0));
  check_uniform(model, "onnx::LSTM_122", 1 / sqrt(24.0));
  check_uniform(model, "onnx::LSTM_123", 1 / sqrt(24.0));
  check_uniform(model, "head.weight", 1 / sqrt(24.0));
  pare_model_free(model);
  pare_model_free(given);
}

static void batch_normalization_starts_as_identity(void **state) {
  (void)state;
  pare_model *given = golden_model(ctx, GOLDEN "bn.onnx"), *model = fresh(given, "{\"pass\": \"init\"}", 1);
  const char *const names[] = {"bn.scale", "bn.bias", "bn.mean", "bn.var"};
  for (int i = 0; i < 4; i++) {
    const pare_tensor *tensor = &model->values[pare_model_find_value(model, names[i])].tensor;
    for (int j = 0; j < 4; j++) assert_true(pare_f32(tensor)[j] == (i == 0 || i == 3 ? 1.0f : 0.0f));
  }
  pare_model_free(model);
  pare_model_free(given);
}

static void fresh_weights_follow_the_seed_and_keep_to_named_layers(void **state) {
  (void)state;
  pare_model *given = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_model *a = fresh(given, "{\"pass\": \"init\"}", 1), *b = fresh(given, "{\"pass\": \"init\"}", 1);
  pare_model *c = fresh(given, "{\"pass\": \"init\"}", 2);
  pare_model *d = fresh(given, "{\"pass\": \"init\", \"layers\": [\"/9/Gemm\"]}", 2);
  char hex[3][65];
  assert_int_equal(pare_model_weights_sha256(a, hex[0]), PARE_OK);
  assert_int_equal(pare_model_weights_sha256(b, hex[1]), PARE_OK);
  assert_int_equal(pare_model_weights_sha256(c, hex[2]), PARE_OK);
  assert_string_equal(hex[0], hex[1]);
  assert_string_not_equal(hex[0], hex[2]);
  for (int i = 0; i < pare_model_n_weights(given); i++) {
    pare_tensor_view before = pare_model_weight(given, i), after = pare_model_weight(d, i);
    bool same = memcmp(before.data, after.data, before.len_bytes) == 0;
    assert_int_equal(same, strncmp(before.name, "9.", 2) != 0);
  }
  pare_model_free(a);
  pare_model_free(b);
  pare_model_free(c);
  pare_model_free(d);
  pare_model_free(given);
}

static void passes_describe_themselves_in_a_line(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/kd/student.onnx");
  const struct line {
    const char *json, *text;
  } lines[] = {
      {"{\"pass\": \"train\", \"epochs\": 3}", "train 3 epochs of sgd at 0.05, cosine rate, batches of 64"},
      {"{\"pass\": \"init\"}", "fresh weights everywhere"},
      {"{\"pass\": \"distill\", \"epochs\": 1, \"optimizer\": \"adam\", \"learning_rate\": 0.001}",
       "learn from 'original': 0.9 of the soft answers at temperature 4, 1 epoch of adam at 0.001, cosine "
       "rate, batches of 64"},
  };
  for (size_t i = 0; i < PARE_COUNT(lines); i++) {
    prepared p;
    char text[256];
    if (prepare(&p, lines[i].json, model, NULL, NULL) != PARE_OK) fail_msg("%s", pare_error(ctx));
    p.pass->describe(p.params, text, sizeof(text));
    assert_string_equal(text, lines[i].text);
    release(&p);
  }
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_well_known_example_has_torchs_losses_in_both_forms),
      cmocka_unit_test(distillation_interrupted_and_resumed_gives_the_same_bytes),
      cmocka_unit_test(a_teacher_that_is_not_there_or_does_not_fit_is_named),
      cmocka_unit_test(fresh_weights_lie_where_torch_draws_them),
      cmocka_unit_test(batch_normalization_starts_as_identity),
      cmocka_unit_test(fresh_weights_follow_the_seed_and_keep_to_named_layers),
      cmocka_unit_test(passes_describe_themselves_in_a_line),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
