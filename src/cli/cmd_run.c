/* pare run MODEL --recipe FILE --out DIR: model.onnx, report.json and trace.json, also of what was
 * finished when it fails or is interrupted. */
#include <string.h>

#include "cli/recipe_run.h"
#include "measure/measure.h"

static pare_status write_into(pare_context *ctx, const cli_options *options, const char *name,
                              const void *bytes, size_t len_bytes) {
  char path[4096];
  if (!cli_join(path, sizeof path, options->out, name))
    return pare_fail(ctx, PARE_IO, "%s: the path is too long", options->out);
  return pare_file_write(ctx, path, bytes, len_bytes);
}

/* One process in the trace for each finished step. */
static pare_status write_trace(pare_context *ctx, const cli_recipe_run *run, const cli_options *options,
                               const pare_json_doc *report) {
  int steps = pare_json_member(report, 0, "steps"), n = pare_json_count(report, steps);
  pare_run_options run_options = cli_run_options(options);
  pare_buffer trace = {NULL, 0};
  pare_named_model *models = pare_alloc_array(ctx, (size_t)n + 1, sizeof *models);
  pare_status status = models == NULL ? PARE_OUT_OF_MEMORY : PARE_OK;
  for (int i = 0; status == PARE_OK && i < n; i++) {
    pare_model *model = NULL;
    status = pare_job_model(run->job, i, &model);
    models[i].model = model;
    models[i].name =
        pare_json_get_text(report, pare_json_member(report, pare_json_item(report, steps, i), "name"));
  }
  if (status == PARE_OK && n > 0) status = pare_profile_trace(models, n, &run_options, &trace);
  for (int i = 0; models != NULL && i < n; i++) pare_model_free((pare_model *)(uintptr_t)models[i].model);
  pare_free(ctx, models);
  if (status == PARE_OK && n > 0)
    status = write_into(ctx, options, "trace.json", trace.data, trace.len_bytes);
  pare_buffer_free(ctx, &trace);
  return status;
}

static pare_status write_model(pare_context *ctx, const cli_recipe_run *run, const cli_options *options) {
  pare_model *model = NULL;
  pare_buffer file = {NULL, 0};
  PARE_TRY(pare_job_model(run->job, -1, &model));
  pare_status status = pare_model_save(model, &file);
  pare_model_free(model);
  if (status == PARE_OK) status = write_into(ctx, options, "model.onnx", file.data, file.len_bytes);
  pare_buffer_free(ctx, &file);
  return status;
}

static pare_status write_all(pare_context *ctx, const cli_recipe_run *run, const cli_options *options) {
  pare_buffer report;
  pare_json_doc *doc = NULL;
  PARE_TRY(pare_job_report(run->job, &report));
  pare_status status = write_into(ctx, options, "report.json", report.data, report.len_bytes);
  if (status == PARE_OK) status = write_model(ctx, run, options);
  if (status == PARE_OK)
    status = pare_json_parse(ctx, (const char *)report.data, report.len_bytes, PARE_BAD_ARGUMENT, &doc);
  if (status == PARE_OK) status = write_trace(ctx, run, options, doc);
  pare_json_doc_free(doc);
  if (status == PARE_OK) status = cli_recipe_print(ctx, &report, options);
  pare_buffer_free(ctx, &report);
  return status;
}

/* Written beside and then renamed: there is a whole one at every moment. */
static pare_status save_checkpoint(pare_context *ctx, pare_job *job, const cli_options *options) {
  char path[4096];
  pare_buffer bytes;
  int n = snprintf(path, sizeof path, "%s.new", options->checkpoint);
  if (n < 0 || (size_t)n >= sizeof path)
    return pare_fail(ctx, PARE_IO, "%s: the path is too long", options->checkpoint);
  PARE_TRY(pare_job_checkpoint(job, &bytes));
  pare_status status = pare_file_write(ctx, path, bytes.data, bytes.len_bytes);
  pare_buffer_free(ctx, &bytes);
  PARE_TRY(status);
  if (rename(path, options->checkpoint) == 0) return PARE_OK;
  return pare_fail(ctx, PARE_IO, "%s: the file cannot be replaced", options->checkpoint);
}

static pare_status start(pare_context *ctx, cli_recipe_run *run, const cli_options *options) {
  pare_run_options run_options = cli_run_options(options);
  pare_buffer text;
  run_options.models = run->models;
  run_options.n_models = run->n_models;
  if (options->resume) {
    PARE_TRY(pare_file_read(ctx, options->checkpoint, &text));
    pare_status resumed =
        pare_job_resume(ctx, text.data, text.len_bytes, run->dataset, &run_options, &run->job);
    pare_buffer_free(ctx, &text);
    return resumed == PARE_OK ? resumed : pare_fail_within(ctx, resumed, "%s", options->checkpoint);
  }
  PARE_TRY(pare_file_read(ctx, options->recipe, &text));
  pare_writer writer; /* with a zero behind it */
  pare_writer_init(&writer, ctx);
  pare_writer_put(&writer, text.data, text.len_bytes);
  pare_buffer_free(ctx, &text);
  PARE_TRY(pare_writer_finish(&writer, &text));
  pare_status status =
      strlen((const char *)text.data) == text.len_bytes
          ? pare_job_start_recipe(run->model, run->dataset, (const char *)text.data, &run_options, &run->job)
          : pare_fail(ctx, PARE_BAD_RECIPE, "the recipe is not text");
  pare_buffer_free(ctx, &text);
  return status == PARE_OK ? status : pare_fail_within(ctx, status, "%s", options->recipe);
}

static int run_recipe(pare_context *ctx, const cli_options *options, cli_recipe_run *run) {
  cli_catch_interrupts();
  if (cli_recipe_open(ctx, options, run) != PARE_OK || start(ctx, run, options) != PARE_OK)
    return cli_fail(ctx);
  if (cli_make_folder(ctx, options->out) != PARE_OK) return cli_fail(ctx);
  int code = cli_run_job(ctx, run->job, options, options->checkpoint == NULL ? NULL : save_checkpoint);
  pare_status status = write_all(ctx, run, options);
  if (status != PARE_OK) {
    cli_fail(ctx);
    return code == CLI_OK ? CLI_FAILED : code;
  }
  return code;
}

int cli_run_run(pare_context *ctx, const cli_options *options) {
  cli_recipe_run run = {.model = NULL};
  if (options->recipe == NULL && !options->resume)
    return cli_usage("run needs --recipe FILE (pare help run)");
  if (options->out == NULL) return cli_usage("run needs --out DIR (pare help run)");
  if (options->resume && options->checkpoint == NULL) return cli_usage("--resume needs --checkpoint FILE");
  for (int i = 0; i < options->models.n; i++)
    if (strchr(options->models.items[i], '=') == NULL)
      return cli_usage("--model %s: NAME=FILE is expected", options->models.items[i]);
  int code = run_recipe(ctx, options, &run);
  cli_recipe_close(&run);
  return code;
}
