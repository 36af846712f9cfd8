/* pare train MODEL --data SPEC --out FILE: the recipe [init,] train, its parameters taken from the command
 * line. */
#include <string.h>

#include "cli/recipe_run.h"
#include "compress/pass.h"

static pare_status write_recipe(pare_context *ctx, const cli_options *options, pare_buffer *out) {
  const pare_pass *pass = pare_pass_find("train");
  pare_json json;
  if (pass == NULL) return pare_fail(ctx, PARE_UNSUPPORTED, "this build has no pass 'train'");
  pare_json_init(&json, ctx);
  pare_json_object(&json);
  for (int i = 0; i + 1 < options->params.n; i += 2) { /* the recipe's seed covers fresh weights too */
    if (strcmp(options->params.items[i], "seed") != 0) continue;
    pare_json_key(&json, "seed");
    cli_put_value(ctx, NULL, options->params.items[i + 1], &json);
  }
  pare_json_key(&json, "steps");
  pare_json_array(&json);
  if (options->fresh) pare_json_raw(&json, "{\"pass\":\"init\"}");
  cli_put_step(ctx, options, pass, &json);
  pare_json_end(&json, ']');
  pare_json_end(&json, '}');
  pare_error_clear(ctx);
  return pare_json_finish(&json, out);
}

static pare_status start(pare_context *ctx, const cli_options *options, cli_recipe_run *run) {
  pare_run_options run_options = cli_run_options(options);
  pare_buffer recipe;
  PARE_TRY(cli_recipe_open(ctx, options, run));
  PARE_TRY(write_recipe(ctx, options, &recipe));
  pare_status status =
      pare_job_start_recipe(run->model, run->dataset, (const char *)recipe.data, &run_options, &run->job);
  pare_buffer_free(ctx, &recipe);
  return status;
}

static pare_status finish(pare_context *ctx, const cli_options *options, const cli_recipe_run *run) {
  pare_model *model = NULL;
  pare_buffer report = {NULL, 0};
  PARE_TRY(pare_job_model(run->job, -1, &model));
  pare_status status = pare_model_save_file(model, options->out);
  pare_model_free(model);
  if (status == PARE_OK) status = pare_job_report(run->job, &report);
  if (status == PARE_OK) status = cli_recipe_print(ctx, &report, options);
  pare_buffer_free(ctx, &report);
  return status;
}

int cli_run_train(pare_context *ctx, const cli_options *options) {
  cli_recipe_run run = {.model = NULL};
  if (options->data == NULL) return cli_usage("train needs --data SPEC (pare help train)");
  if (options->out == NULL) return cli_usage("train needs --out FILE (pare help train)");
  int code = start(ctx, options, &run) == PARE_OK ? cli_run_job(ctx, run.job, options, NULL) : cli_fail(ctx);
  if (code == CLI_OK && finish(ctx, options, &run) != PARE_OK) code = cli_fail(ctx);
  cli_recipe_close(&run);
  return code;
}
