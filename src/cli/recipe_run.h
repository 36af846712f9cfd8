/* What `run`, `train` and `export` share: recipes, and a recipe job from start to written files. */
#ifndef PARE_RECIPE_RUN_H
#define PARE_RECIPE_RUN_H

#include "cli/cli.h"
#include "compress/pass.h"

typedef struct cli_recipe_run {
  pare_model *model;
  pare_dataset *dataset;
  pare_named_model models[CLI_MAX_LIST];
  int n_models;
  pare_job *job;
} cli_recipe_run;

/* Model, data and named models from the options. */
pare_status cli_recipe_open(pare_context *ctx, const cli_options *options, cli_recipe_run *out);
void cli_recipe_close(cli_recipe_run *run);
/* right, total, accuracy, loss and weights_sha256 of the newest step as one line of JSON, or a table of
 * all steps. */
pare_status cli_recipe_print(pare_context *ctx, const pare_buffer *report, const cli_options *options);

/* ---- a command that stands for a pass ---- */
/* {"pass": NAME, ...} with what was given as options. */
void cli_put_step(pare_context *ctx, const cli_options *options, const pare_pass *pass, pare_json *json);
void cli_put_value(pare_context *ctx, const pare_param *param, const char *text, pare_json *json);

#endif
