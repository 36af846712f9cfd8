/* Recipes: what is refused and how it is said; running, progress, failure, checkpoints. */
#include "unit.h"

#include "base/sha256.h"
#include "compress/pass.h"
#include "failing_alloc.h"
#include "little_mlp.h"
#include "recipe/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pare_context *ctx;
static pare_model *model;
static pare_dataset *data;

static void must(pare_status status) {
  if (status != PARE_OK) fail_msg("%s: %s", pare_status_name(status), pare_error(ctx));
}

static int set_up(void **state) {
  (void)state;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 1;
  model = little_mlp(ctx);
  return model != NULL && pare_dataset_open(ctx, "spirals", &data) == PARE_OK ? 0 : 1;
}

static int tear_down(void **state) {
  (void)state;
  pare_dataset_free(data);
  pare_model_free(model);
  pare_context_free(ctx);
  return 0;
}

static const char *const two_trainings =
    "{\"seed\": 5, \"steps\": [{\"pass\": \"train\", \"epochs\": 3, \"batch_size\": 32, \"name\": \"warm\"},"
    "{\"pass\": \"train\", \"epochs\": 2, \"batch_size\": 32, \"optimizer\": \"adam\", \"learning_rate\": "
    "0.01}]}";

static pare_job *start(const char *recipe) {
  pare_job *job = NULL;
  must(pare_job_start_recipe(model, data, recipe, NULL, &job));
  return job;
}

static void run_to_end(pare_job *job, uint32_t budget_ms) {
  pare_progress progress = {.finished = false};
  uint64_t done = 0, total = 0;
  while (!progress.finished) {
    must(pare_job_step(job, budget_ms, &progress));
    assert_true(progress.done >= done);
    assert_true(progress.done <= progress.total);
    if (total != 0) assert_true(progress.total == total);
    assert_int_equal(progress.done == progress.total, progress.finished);
    done = progress.done;
    total = progress.total;
  }
}

static pare_json_doc *report_of(const pare_job *job) {
  pare_buffer report;
  pare_json_doc *doc = NULL;
  must(pare_job_report(job, &report));
  must(pare_json_parse(ctx, (const char *)report.data, report.len_bytes, PARE_BAD_ARGUMENT, &doc));
  pare_buffer_free(ctx, &report);
  return doc;
}

static int step_of(const pare_json_doc *doc, int i) {
  return pare_json_item(doc, pare_json_member(doc, 0, "steps"), i);
}

static double number_of(const pare_json_doc *doc, int object, const char *key) {
  double value = NAN;
  if (!pare_json_get_number(doc, pare_json_member(doc, object, key), &value)) return NAN;
  return value;
}

static const char *text_of(const pare_json_doc *doc, int object, const char *key) {
  return pare_json_get_text(doc, pare_json_member(doc, object, key));
}

static void weights_after(pare_job *job, char hex[65]) {
  pare_model *result = NULL;
  must(pare_job_model(job, -1, &result));
  must(pare_model_weights_sha256(result, hex));
  pare_model_free(result);
}

static void what_is_wrong_with_a_recipe_is_said_with_its_place(void **state) {
  (void)state;
  static const struct {
    const char *text, *error;
  } cases[] = {
      {"", "recipe: JSON, line 1, column 1: a value is missing"},
      {"{\"steps\": [}", "line 1, column 12"},
      {"[]", "it must be an object with \"steps\""},
      {"{}", "\"steps\" is missing"},
      {"{\"steps\": {}}", "\"steps\" must be a list"},
      {"{\"steps\": [], \"sead\": 1}", "line 1, column 23: only \"seed\""},
      {"{\"steps\": [], \"steps\": []}", "given twice"},
      {"{\"steps\": [], \"seed\": -1}", "'seed' must be a whole number from 0 to 2^53"},
      {"{\"steps\": [], \"seed\": 1.5}", "'seed' must be a whole number from 0 to 2^53"},
      {"{\"steps\": [], \"seed\": 9007199254740994}", "'seed' must be a whole number from 0 to 2^53"},
      {"{\"steps\": [], \"seed\": \"1\"}", "'seed' must be a whole number from 0 to 2^53"},
      {"{\"steps\": [1]}", "step 1, line 1, column 12: a step must be an object"},
      {"{\"steps\": [{}]}", "step 1, line 1, column 12: 'pass' is missing"},
      {"{\"steps\": [{\"pass\": 3}]}", "'pass' must be a text"},
      {"{\"steps\": [{\"pass\": \"trian\"}]}",
       "step 1, line 1, column 21: there is no pass 'trian' (did you mean 'train'?"},
      {"{\"steps\": [{\"pass\": \"qqqqqqqqqqqq\"}]}", "there is no pass 'qqqqqqqqqqqq' (there are: "},
      {"{\"steps\": [{\"pass\": \"train\", \"name\": 1}]}", "'name' must be a text"},
      {"{\"steps\": [{\"pass\": \"train\", \"seed\": 0.5}]}", "'seed' must be a whole number"},
      {"{\"steps\": [{\"pass\": \"train\"},\n{\"pass\": \"train\", \"epoch\": 1}]}",
       "step 2 (train), line 2, column 28: there is no parameter 'epoch' (did you mean 'epochs'?)"},
      {"{\"steps\": [{\"pass\": \"train\", \"epochs\": 0}]}", "'epochs' is 0, but must be from 1 to "},
      {"{\"steps\": [{\"pass\": \"distill\", \"teacher\": \"big\"}]}",
       "step 1 (distill): 'teacher' names the model 'big', which was not given to the run"},
  };
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_job *job = NULL;
    if (pare_job_start_recipe(model, data, cases[i].text, NULL, &job) != PARE_BAD_RECIPE)
      fail_msg("accepted: %s", cases[i].text);
    assert_null(job);
    assert_error_has(ctx, cases[i].error);
  }
}

static void more_than_64_steps_are_refused(void **state) {
  (void)state;
  char text[4096] = "{\"steps\": [";
  pare_job *job = NULL;
  for (int i = 0; i < 65; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s{\"pass\": \"init\"}", i > 0 ? "," : "");
  }
  strcat(text, "]}");
  assert_int_equal(pare_job_start_recipe(model, data, text, NULL, &job), PARE_BAD_RECIPE);
  assert_error_has(ctx, "more than 64 steps");
}

static void a_pass_that_needs_data_is_refused_without(void **state) {
  (void)state;
  pare_job *job = NULL;
  assert_int_equal(pare_job_start_recipe(model, NULL, two_trainings, NULL, &job), PARE_BAD_DATA);
  assert_error_has(ctx, "step 1 (train): this pass needs data");
}

static void an_empty_recipe_measures_the_original(void **state) {
  (void)state;
  char before[65], after[65];
  pare_job *job = start("{\"steps\": []}");
  run_to_end(job, 50);
  pare_json_doc *doc = report_of(job);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "steps")), 1);
  int original = step_of(doc, 0);
  assert_string_equal(text_of(doc, original, "name"), "original");
  assert_string_equal(text_of(doc, original, "kind"), "original");
  assert_true(pare_json_is(doc, pare_json_member(doc, original, "pass"), '0'));
  assert_true(number_of(doc, original, "total") == 1000);
  assert_true(number_of(doc, original, "accuracy") * 1000 == number_of(doc, original, "right"));
  assert_true(number_of(doc, original, "parameters") == 147);
  assert_true(number_of(doc, original, "macs") == 120);
  assert_true(number_of(doc, original, "latency_ms") > 0);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, original, "confusion")), 3);
  must(pare_model_weights_sha256(model, before));
  weights_after(job, after);
  assert_string_equal(before, after);
  assert_string_equal(text_of(doc, 0, "weights_sha256"), before);
  pare_json_doc_free(doc);
  pare_job_free(job);
}

static void without_data_a_recipe_reports_no_accuracy(void **state) {
  (void)state;
  pare_job *job = NULL;
  must(pare_job_start_recipe(model, NULL, "{\"steps\": [{\"pass\": \"init\"}]}", NULL, &job));
  run_to_end(job, 50);
  pare_json_doc *doc = report_of(job);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "steps")), 2);
  assert_true(pare_json_is(doc, pare_json_member(doc, step_of(doc, 1), "accuracy"), '0'));
  assert_true(pare_json_is(doc, pare_json_member(doc, 0, "data"), '0'));
  pare_json_doc_free(doc);
  pare_job_free(job);
}

static void each_step_of_a_recipe_is_reported_and_kept(void **state) {
  (void)state;
  pare_job *job = start(two_trainings);
  run_to_end(job, 20);
  pare_json_doc *doc = report_of(job);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "steps")), 3);
  assert_string_equal(text_of(doc, step_of(doc, 1), "name"), "warm");
  assert_string_equal(text_of(doc, step_of(doc, 1), "pass"), "train");
  assert_string_equal(text_of(doc, step_of(doc, 2), "name"), "train");
  assert_true(number_of(doc, step_of(doc, 2), "accuracy") >
              number_of(doc, step_of(doc, 0), "accuracy") + 0.1);
  assert_true(number_of(doc, step_of(doc, 1), "seconds") >= 0);
  assert_true(pare_json_is(doc, pare_json_member(doc, step_of(doc, 1), "details"), 'o'));
  for (int i = 0; i < 3; i++) {
    pare_model *kept = NULL;
    char hex[65];
    must(pare_job_model(job, i, &kept));
    must(pare_model_weights_sha256(kept, hex));
    assert_string_equal(hex, text_of(doc, step_of(doc, i), "weights_sha256"));
    pare_model_free(kept);
  }
  pare_model *none = NULL;
  assert_int_equal(pare_job_model(job, 3, &none), PARE_BAD_ARGUMENT);
  pare_json_doc_free(doc);
  pare_job_free(job);
}

static void a_size_that_the_file_leaves_open_is_taken_from_the_data(void **state) {
  (void)state;
  static const char *const recipe =
      "{\"steps\": [{\"pass\": \"train\", \"epochs\": 1}, {\"pass\": \"quantize\"}]}";
  char wanted[65], found[65];
  pare_model *open, *kept = model, *trained;
  pare_job *job = start(recipe);
  run_to_end(job, 1000);
  weights_after(job, wanted);
  pare_job_free(job);
  must(pare_model_clone(model, &open));
  open->values[open->inputs[0]].shape.dims[1] = -1;
  model = open;
  job = start(recipe);
  run_to_end(job, 1000);
  must(pare_job_model(job, -1, &trained));
  assert_int_equal(trained->values[trained->inputs[0]].shape.dims[1], -1); /* still open */
  pare_model_free(trained);
  weights_after(job, found);
  pare_job_free(job);
  assert_string_equal(found, wanted);
  pare_model_free(open);
  model = kept;
}

static void the_budget_changes_nothing_but_time(void **state) {
  (void)state;
  char slow[65], fast[65];
  pare_job *job = start(two_trainings);
  run_to_end(job, 0);
  weights_after(job, slow);
  pare_job_free(job);
  job = start(two_trainings);
  run_to_end(job, 100000);
  weights_after(job, fast);
  pare_job_free(job);
  assert_string_equal(slow, fast);
}

static void the_seed_changes_the_weights(void **state) {
  (void)state;
  char one[65], again[65], two[65];
  const char *recipe[] = {"{\"seed\": 1, \"steps\": [{\"pass\": \"init\"}]}",
                          "{\"steps\": [{\"pass\": \"init\"}]}",
                          "{\"seed\": 2, \"steps\": [{\"pass\": \"init\"}]}"};
  char *hex[] = {one, again, two};
  for (int i = 0; i < 3; i++) {
    pare_job *job = start(recipe[i]);
    run_to_end(job, 1000);
    weights_after(job, hex[i]);
    pare_job_free(job);
  }
  assert_string_equal(one, again);
  assert_string_not_equal(one, two);
}

static void a_failing_step_is_named_and_what_was_finished_stays(void **state) {
  (void)state;
  pare_job *job =
      start("{\"steps\": [{\"pass\": \"init\"}, {\"pass\": \"train\", \"freeze\": [\"no such layer\"]}]}");
  pare_progress progress = {.finished = false};
  pare_status status = PARE_OK;
  while (status == PARE_OK && !progress.finished) status = pare_job_step(job, 20, &progress);
  assert_int_equal(status, PARE_BAD_RECIPE);
  assert_error_has(ctx, "step 2 (train): ");
  assert_error_has(ctx, "no such layer");
  assert_int_equal(pare_job_step(job, 20, &progress), PARE_BAD_RECIPE);
  assert_error_has(ctx, "step 2 (train): ");
  pare_json_doc *doc = report_of(job);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "steps")), 2);
  assert_non_null(strstr(text_of(doc, 0, "failure"), "no such layer"));
  pare_model *kept = NULL;
  must(pare_job_model(job, 1, &kept));
  pare_model_free(kept);
  pare_json_doc_free(doc);
  pare_job_free(job);
}

static void quantized_layers_keep_their_names_and_parameters(void **state) {
  (void)state;
  static const char *const recipes[] = {"{\"steps\": [{\"pass\": \"quantize\"}]}",
                                        "{\"steps\": [{\"pass\": \"quantize_dynamic\"}]}"};
  for (size_t r = 0; r < PARE_COUNT(recipes); r++) {
    pare_job *job = start(recipes[r]);
    run_to_end(job, 1000);
    pare_json_doc *doc = report_of(job);
    int before = pare_json_member(doc, step_of(doc, 0), "layers"),
        after = pare_json_member(doc, step_of(doc, 1), "layers");
    assert_int_equal(pare_json_count(doc, before), 3);
    assert_int_equal(pare_json_count(doc, after), 3);
    for (int i = 0; i < 3; i++) {
      int b = pare_json_item(doc, before, i), a = pare_json_item(doc, after, i);
      assert_string_equal(text_of(doc, b, "name"), text_of(doc, a, "name"));
      assert_true(number_of(doc, b, "parameters") == number_of(doc, a, "parameters"));
      assert_true(number_of(doc, b, "macs") == number_of(doc, a, "macs"));
      assert_true(number_of(doc, a, "sqnr_db") > 20);
    }
    int fc1 = pare_json_item(doc, after, 0);
    assert_true(number_of(doc, fc1, "bits") == 8);
    assert_true(number_of(doc, step_of(doc, 1), "parameters") == 147);
    assert_true(number_of(doc, step_of(doc, 1), "bytes") < number_of(doc, step_of(doc, 0), "bytes"));
    pare_json_doc_free(doc);
    pare_job_free(job);
  }
}

/* Stops after `n` slices, saves, goes on from the bytes alone. */
static void interrupted_after(int n, char hex[65], int *n_steps) {
  pare_progress progress = {.finished = false};
  pare_buffer bytes;
  pare_job *job = start(two_trainings);
  for (int i = 0; i < n && !progress.finished; i++) must(pare_job_step(job, 0, &progress));
  must(pare_job_checkpoint(job, &bytes));
  pare_job_free(job);
  must(pare_job_resume(ctx, bytes.data, bytes.len_bytes, data, NULL, &job));
  pare_buffer_free(ctx, &bytes);
  run_to_end(job, 1000);
  weights_after(job, hex);
  pare_json_doc *doc = report_of(job);
  *n_steps = pare_json_count(doc, pare_json_member(doc, 0, "steps"));
  pare_json_doc_free(doc);
  pare_job_free(job);
}

static void an_interrupted_and_resumed_recipe_gives_the_same_weights(void **state) {
  (void)state;
  char whole[65], pieces[65];
  pare_job *job = start(two_trainings);
  run_to_end(job, 1000);
  weights_after(job, whole);
  pare_job_free(job);
  static const int slices[] = {0, 1, 3, 17, 18, 19, 20, 40, 100, 205, 206, 207, 220, 300, 5000};
  for (size_t i = 0; i < PARE_COUNT(slices); i++) {
    int n_steps = 0;
    interrupted_after(slices[i], pieces, &n_steps);
    assert_string_equal(whole, pieces);
    assert_int_equal(n_steps, 3);
  }
}

static pare_buffer some_checkpoint(int n) {
  pare_progress progress;
  pare_buffer bytes;
  pare_job *job = start(two_trainings);
  for (int i = 0; i < n; i++) must(pare_job_step(job, 0, &progress));
  must(pare_job_checkpoint(job, &bytes));
  pare_job_free(job);
  return bytes;
}

static void rehash(pare_buffer *bytes) {
  pare_sha256 hash;
  pare_sha256_start(&hash);
  pare_sha256_add(&hash, bytes->data, bytes->len_bytes - 32);
  pare_sha256_finish(&hash, bytes->data + bytes->len_bytes - 32);
}

static void damaged_checkpoints_are_refused(void **state) {
  (void)state;
  pare_buffer bytes = some_checkpoint(40);
  pare_job *job = NULL;
  for (size_t length = 0; length < bytes.len_bytes; length += 37) {
    assert_int_not_equal(pare_job_resume(ctx, bytes.data, length, data, NULL, &job), PARE_OK);
    assert_null(job);
  }
  for (size_t i = 0; i < bytes.len_bytes; i += 41) {
    bytes.data[i] ^= 0x10;
    assert_int_equal(pare_job_resume(ctx, bytes.data, bytes.len_bytes, data, NULL, &job), PARE_BAD_ARGUMENT);
    bytes.data[i] ^= 0x10;
  }
  assert_int_equal(pare_job_resume(ctx, bytes.data, bytes.len_bytes, NULL, NULL, &job), PARE_BAD_DATA);
  pare_buffer_free(ctx, &bytes);
}

/* With the hash set right again, what was changed reaches the readers: whatever they say, nothing breaks. */
static void hostile_checkpoints_break_nothing(void **state) {
  (void)state;
  pare_buffer bytes = some_checkpoint(40);
  int refused = 0;
  for (size_t i = 0; i + 32 < bytes.len_bytes; i += 5) {
    pare_job *job = NULL;
    pare_progress progress;
    uint8_t kept = bytes.data[i];
    bytes.data[i] = (uint8_t)(i % 3 == 0 ? 0xFF : kept ^ (1u << i % 8));
    rehash(&bytes);
    pare_status status = pare_job_resume(ctx, bytes.data, bytes.len_bytes, data, NULL, &job);
    assert_int_equal(status == PARE_OK, job != NULL);
    refused += status != PARE_OK;
    if (job != NULL) pare_job_step(job, 0, &progress);
    pare_job_free(job);
    bytes.data[i] = kept;
  }
  assert_true(refused > 50);
  pare_buffer_free(ctx, &bytes);
}

static void the_schema_declares_every_pass_and_parameter(void **state) {
  (void)state;
  pare_buffer schema;
  pare_json_doc *doc = NULL;
  must(pare_schema(ctx, &schema));
  must(pare_json_parse(ctx, (const char *)schema.data, schema.len_bytes, PARE_BAD_ARGUMENT, &doc));
  pare_buffer_free(ctx, &schema);
  assert_string_equal(text_of(doc, 0, "$schema"), "https://json-schema.org/draft/2020-12/schema");
  int defs = pare_json_member(doc, 0, "$defs");
  assert_int_equal(pare_json_count(doc, defs), pare_pass_count());
  for (int i = 0; i < pare_pass_count(); i++) {
    const pare_pass *pass = pare_pass_at(i);
    int properties = pare_json_member(doc, pare_json_member(doc, defs, pass->name), "properties");
    assert_string_equal(text_of(doc, pare_json_member(doc, properties, "pass"), "const"), pass->name);
    assert_int_equal(pare_json_count(doc, properties), pass->n_params + 3);
    for (int k = 0; k < pass->n_params; k++) {
      int param = pare_json_member(doc, properties, pass->params[k].name);
      assert_string_equal(text_of(doc, param, "description"), pass->params[k].help);
      assert_non_null(text_of(doc, param, "type"));
      double fallback = number_of(doc, param, "default");
      if (isnan(fallback)) continue;
      assert_true(fallback >= number_of(doc, param, "minimum") &&
                  fallback <= number_of(doc, param, "maximum"));
    }
  }
  pare_json_doc_free(doc);
}

/* The allocator fails at one call after another (in growing strides): an error, no crash, nothing left
 * behind. */
static void starve(const char *recipe) {
  pare_run_options options = {.limit_test = 64, .limit_train = 64};
  pare_buffer file = little_mlp_file(ctx);
  for (size_t fail_at = 0;; fail_at += 1 + fail_at / 16) {
    pare_context *poor = failing_context(fail_at);
    pare_model *little = NULL;
    pare_dataset *points = NULL;
    pare_job *job = NULL;
    pare_progress progress = {.finished = false};
    pare_status status = PARE_OUT_OF_MEMORY;
    if (poor != NULL) status = pare_model_load(poor, file.data, file.len_bytes, &little);
    if (status == PARE_OK) status = pare_dataset_open(poor, "spirals", &points);
    if (status == PARE_OK) status = pare_job_start_recipe(little, points, recipe, &options, &job);
    while (status == PARE_OK && !progress.finished) status = pare_job_step(job, 1000, &progress);
    pare_buffer bytes = {NULL, 0};
    if (status == PARE_OK) status = pare_job_report(job, &bytes);
    if (bytes.data != NULL) pare_buffer_free(poor, &bytes);
    if (status == PARE_OK) status = pare_job_checkpoint(job, &bytes);
    if (bytes.data != NULL) pare_buffer_free(poor, &bytes);
    char message[256] = "";
    if (poor != NULL) snprintf(message, sizeof message, "%.250s", pare_error(poor));
    pare_job_free(job);
    pare_dataset_free(points);
    pare_model_free(little);
    pare_context_free(poor);
    bool happened = failing_happened();
    if (status != (happened ? PARE_OUT_OF_MEMORY : PARE_OK))
      fail_msg("call %zu: %s: %s", fail_at, pare_status_name(status), message);
    assert_int_equal(failing_live_bytes(), 0);
    assert_int_equal(failing_wrong_sizes(), 0);
    if (!happened) break;
  }
  pare_buffer_free(ctx, &file);
}

static void memory_that_runs_out_ends_a_recipe_cleanly(void **state) {
  (void)state;
  starve("{\"steps\": [{\"pass\": \"init\"}, {\"pass\": \"train\", \"epochs\": 1}]}");
  starve("{\"steps\": [{\"pass\": \"prune\"}, {\"pass\": \"distill\", \"epochs\": 1}, {\"pass\": "
         "\"quantize_dynamic\"}]}");
  starve("{\"steps\": [{\"pass\": \"prune_channels\"}, {\"pass\": \"quantize\", \"samples\": 40}]}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_wrong_with_a_recipe_is_said_with_its_place),
      cmocka_unit_test(more_than_64_steps_are_refused),
      cmocka_unit_test(a_pass_that_needs_data_is_refused_without),
      cmocka_unit_test(an_empty_recipe_measures_the_original),
      cmocka_unit_test(without_data_a_recipe_reports_no_accuracy),
      cmocka_unit_test(each_step_of_a_recipe_is_reported_and_kept),
      cmocka_unit_test(a_size_that_the_file_leaves_open_is_taken_from_the_data),
      cmocka_unit_test(the_budget_changes_nothing_but_time),
      cmocka_unit_test(the_seed_changes_the_weights),
      cmocka_unit_test(a_failing_step_is_named_and_what_was_finished_stays),
      cmocka_unit_test(quantized_layers_keep_their_names_and_parameters),
      cmocka_unit_test(an_interrupted_and_resumed_recipe_gives_the_same_weights),
      cmocka_unit_test(damaged_checkpoints_are_refused),
      cmocka_unit_test(hostile_checkpoints_break_nothing),
      cmocka_unit_test(memory_that_runs_out_ends_a_recipe_cleanly),
      cmocka_unit_test(the_schema_declares_every_pass_and_parameter),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
