/* Opening what a recipe needs, and showing what it gave. */
#include <math.h>
#include <string.h>

#include "cli/recipe_run.h"

static pare_status open_named(pare_context *ctx, const char *text, cli_recipe_run *out) {
  const char *equals = strchr(text, '=');
  pare_model *model = NULL;
  if (equals == NULL || equals == text)
    return pare_fail(ctx, PARE_BAD_ARGUMENT, "--model %s: NAME=FILE is expected", text);
  PARE_TRY(cli_load_model(ctx, equals + 1, &model));
  char *name = pare_alloc(ctx, (size_t)(equals - text) + 1);
  if (name == NULL) {
    pare_model_free(model);
    return PARE_OUT_OF_MEMORY;
  }
  memcpy(name, text, (size_t)(equals - text));
  out->models[out->n_models++] = (pare_named_model){.name = name, .model = model};
  return PARE_OK;
}

pare_status cli_recipe_open(pare_context *ctx, const cli_options *options, cli_recipe_run *out) {
  *out = (cli_recipe_run){.model = NULL};
  PARE_TRY(cli_load_model(ctx, options->arguments.items[0], &out->model));
  for (int i = 0; i < options->models.n; i++) PARE_TRY(open_named(ctx, options->models.items[i], out));
  if (options->data == NULL) return PARE_OK;
  return pare_dataset_open(ctx, options->data, &out->dataset);
}

void cli_recipe_close(cli_recipe_run *run) {
  pare_job_free(run->job);
  for (int i = 0; i < run->n_models; i++) {
    pare_free(run->model->ctx, (void *)(uintptr_t)run->models[i].name);
    pare_model_free((pare_model *)(uintptr_t)run->models[i].model);
  }
  pare_dataset_free(run->dataset);
  pare_model_free(run->model);
}

static void put_copy(pare_json *json, const pare_json_doc *doc, int object, const char *key) {
  double value = cli_number(doc, object, key);
  pare_json_put_number(json, key, value);
}

static pare_status print_line(pare_context *ctx, const pare_json_doc *doc, const cli_options *options) {
  static const char *const keys[] = {"right",          "total",      "accuracy",   "loss",
                                     "parameters",     "nonzeros",   "file_bytes", "macs",
                                     "effective_macs", "peak_bytes", "latency_ms", "seconds"};
  int steps = pare_json_member(doc, 0, "steps"), n = pare_json_count(doc, steps);
  int last = pare_json_item(doc, steps, n - 1);
  pare_json json;
  pare_buffer text;
  pare_json_init(&json, ctx);
  pare_json_object(&json);
  for (size_t i = 0; i < PARE_COUNT(keys); i++) put_copy(&json, doc, last, keys[i]);
  pare_json_put_text(&json, "weights_sha256",
                     pare_json_get_text(doc, pare_json_member(doc, 0, "weights_sha256")));
  pare_json_put_int(&json, "steps", n);
  pare_json_put_text(&json, "out", options->out);
  pare_json_end(&json, '}');
  PARE_TRY(pare_json_finish(&json, &text));
  cli_print_buffer(ctx, &text);
  return PARE_OK;
}

static void print_step(const pare_json_doc *doc, int step) {
  char c[7][CLI_CELL];
  const char *name = pare_json_get_text(doc, pare_json_member(doc, step, "name"));
  printf("%-20.20s %9s %9s %10s %10s %9s %9s %9s %9s\n", name == NULL ? "" : name,
         cli_percent(cli_number(doc, step, "accuracy"), c[0]),
         cli_bytes(cli_number(doc, step, "file_bytes"), c[1]),
         cli_count(cli_number(doc, step, "parameters"), c[2]),
         cli_count(cli_number(doc, step, "nonzeros"), c[3]), cli_count(cli_number(doc, step, "macs"), c[4]),
         cli_count(cli_number(doc, step, "effective_macs"), c[5]),
         cli_bytes(cli_number(doc, step, "peak_bytes"), c[6]),
         cli_ms(cli_number(doc, step, "latency_ms"), (char[CLI_CELL]){0}));
}

pare_status cli_recipe_print(pare_context *ctx, const pare_buffer *report, const cli_options *options) {
  pare_json_doc *doc = NULL;
  if (options->quiet && !options->json) return PARE_OK;
  PARE_TRY(pare_json_parse(ctx, (const char *)report->data, report->len_bytes, PARE_BAD_ARGUMENT, &doc));
  pare_status status = PARE_OK;
  if (options->json) {
    status = print_line(ctx, doc, options);
  } else {
    int steps = pare_json_member(doc, 0, "steps");
    printf("%-20s %9s %9s %10s %10s %9s %9s %9s %9s\n", "step", "accuracy", "file", "params", "nonzero",
           "MACs", "effective", "memory", "ms");
    for (int i = 0; i < pare_json_count(doc, steps); i++) print_step(doc, pare_json_item(doc, steps, i));
    printf("weights %s\n", pare_json_get_text(doc, pare_json_member(doc, 0, "weights_sha256")));
  }
  pare_json_doc_free(doc);
  return status;
}
