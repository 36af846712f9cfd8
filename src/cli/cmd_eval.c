/* pare eval MODEL --data SPEC */
#include "cli/cli.h"

static pare_status print_report(pare_context *ctx, const pare_buffer *report) {
  char cell[CLI_CELL];
  pare_json_doc *doc = NULL;
  PARE_TRY(pare_json_parse(ctx, (const char *)report->data, report->len_bytes, PARE_BAD_ARGUMENT, &doc));
  printf("accuracy    %s, %.0f right of %.0f\n", cli_percent(cli_number(doc, 0, "accuracy"), cell),
         cli_number(doc, 0, "right"), cli_number(doc, 0, "total"));
  printf("loss        %.6f\n", cli_number(doc, 0, "loss"));
  cli_print_confusion(doc, pare_json_member(doc, 0, "confusion"));
  pare_json_doc_free(doc);
  return PARE_OK;
}

static int evaluate(pare_context *ctx, const cli_options *options, const pare_model *model,
                    const pare_dataset *dataset) {
  pare_run_options run = cli_run_options(options);
  pare_job *job = NULL;
  pare_buffer report = {NULL, 0};
  if (pare_job_start_evaluate(model, dataset, &run, &job) != PARE_OK) return cli_fail(ctx);
  int code = cli_run_job(ctx, job, options, NULL);
  pare_status status = code == CLI_OK ? pare_job_report(job, &report) : PARE_OK;
  pare_job_free(job);
  if (code != CLI_OK) return code;
  if (status == PARE_OK && options->json) {
    cli_print_buffer(ctx, &report);
    return CLI_OK;
  }
  if (status == PARE_OK && !options->quiet) status = print_report(ctx, &report);
  pare_buffer_free(ctx, &report);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}

int cli_run_eval(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  pare_dataset *dataset = NULL;
  if (options->data == NULL) return cli_usage("eval needs --data SPEC (pare help eval)");
  pare_status status = cli_load_model(ctx, options->arguments.items[0], &model);
  if (status == PARE_OK) status = pare_dataset_open(ctx, options->data, &dataset);
  int code = status == PARE_OK ? evaluate(ctx, options, model, dataset) : cli_fail(ctx);
  pare_dataset_free(dataset);
  pare_model_free(model);
  return code;
}
