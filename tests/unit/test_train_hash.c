/* The same recipe, seed and data give the same bytes in every build: the hashes of trained weights are in
 * tests/golden/hashes/train.txt, and builds with other compilers, kernels and machines are compared with
 * them (tests of the WASI build and of the page read the same file). They change only when arithmetic is
 * changed on purpose: then run this test, which prints what it gets, and say why in the commit. */
#include "golden.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define FOLDER "tests/golden/hashes/"

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

/* Runs the recipe on the first 640 training images of Fashion-MNIST. */
static void train(const pare_model *model, const pare_dataset *dataset, const char *recipe, char hex[65]) {
  pare_run_options options = {.limit_train = 640, .limit_test = 10};
  pare_job *job;
  pare_progress progress = {0};
  pare_model *result;
  if (pare_job_start_recipe(model, dataset, recipe, &options, &job) != PARE_OK)
    fail_msg("%s", pare_error(ctx));
  while (!progress.finished) {
    if (pare_job_step(job, 1000, &progress) != PARE_OK) fail_msg("%s", pare_error(ctx));
  }
  assert_int_equal(pare_job_model(job, -1, &result), PARE_OK);
  assert_int_equal(pare_model_weights_sha256(result, hex), PARE_OK);
  pare_model_free(result);
  pare_job_free(job);
}

static void trained_weights_have_the_same_bytes_as_in_every_other_build(void **state) {
  (void)state;
  char line[256], name[64], expected[65], path[512], hex[65];
  pare_dataset *dataset;
  pare_buffer recipe;
  if (pare_dataset_open(ctx, "fashion-mnist", &dataset) != PARE_OK) fail_msg("%s", pare_error(ctx));
  assert_int_equal(pare_file_read(ctx, PARE_SOURCE_DIR "/" FOLDER "train.json", &recipe), PARE_OK);
  char *text = pare_alloc(ctx, recipe.len_bytes + 1);
  assert_non_null(text);
  memcpy(text, recipe.data, recipe.len_bytes);
  FILE *hashes = fopen(PARE_SOURCE_DIR "/" FOLDER "train.txt", "r");
  assert_non_null(hashes);
  int n_networks = 0, n_wrong = 0;
  while (fgets(line, sizeof(line), hashes) != NULL) {
    assert_int_equal(sscanf(line, "%63s %64s", name, expected), 2);
    snprintf(path, sizeof(path), "examples/models/%s.onnx", name);
    pare_model *model = golden_model(ctx, path);
    train(model, dataset, text, hex);
    pare_model_free(model);
    n_networks++;
    if (strcmp(hex, expected) == 0) continue;
    print_message("%s %s, not %s\n", name, hex, expected);
    n_wrong++;
  }
  fclose(hashes);
  pare_free(ctx, text);
  pare_buffer_free(ctx, &recipe);
  pare_dataset_free(dataset);
  assert_int_equal(n_networks, 4);
  assert_int_equal(n_wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trained_weights_have_the_same_bytes_as_in_every_other_build),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
