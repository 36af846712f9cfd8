/* pare check MODEL: against what another runtime saved (--against DIR), for another runtime to run (--write DIR), or by a release's own word
 * (--runtime NAME@VERSION). `--against onnxruntime` is the npm package's: wasm/cli/check.mjs runs it with these. */
#include <string.h>

#include "cli/check.h"

static void print_problems(const pare_json_doc *doc) {
  int problems = pare_json_member(doc, 0, "problems");
  for (int i = 0; i < pare_json_count(doc, problems); i++) {
    int problem = pare_json_item(doc, problems, i);
    const char *node = pare_json_get_text(doc, pare_json_member(doc, problem, "node"));
    const char *op = pare_json_get_text(doc, pare_json_member(doc, problem, "op"));
    const char *reason = pare_json_get_text(doc, pare_json_member(doc, problem, "reason"));
    if (node == NULL)
      printf("  %s\n", reason);
    else
      printf("  node '%s' (%s): %s\n", node, op, reason);
  }
}

static int print_runtime(pare_context *ctx, const cli_options *options, pare_buffer *report) {
  pare_json_doc *doc = NULL;
  bool runs = false;
  if (pare_json_parse(ctx, (const char *)report->data, report->len_bytes, PARE_BAD_ARGUMENT, &doc) != PARE_OK)
    return cli_fail(ctx);
  pare_json_get_bool(doc, pare_json_member(doc, 0, "runs"), &runs);
  if (!options->json) {
    const char *version = pare_json_get_text(doc, pare_json_member(doc, 0, "version"));
    const char *oldest = pare_json_get_text(doc, pare_json_member(doc, 0, "oldest"));
    printf("ONNX Runtime %s: %s\n", version, runs ? "yes" : "no");
    print_problems(doc);
    if (oldest != NULL) printf("ONNX Runtime %s is the first that runs it as it is\n", oldest);
  }
  pare_json_doc_free(doc);
  if (options->json)
    cli_print_buffer(ctx, report);
  else
    pare_buffer_free(ctx, report);
  return runs ? CLI_OK : CLI_FAILED;
}

static int check_runtime(pare_context *ctx, const cli_options *options, const pare_model *model) {
  pare_buffer report;
  if (pare_model_check_runtime(model, options->runtime, &report) != PARE_OK) return cli_fail(ctx);
  return print_runtime(ctx, options, &report);
}

static int check_numbers(pare_context *ctx, const cli_options *options, const pare_model *model) {
  cli_check check = {.ctx = ctx, .model = model, .options = options};
  pare_status status = cli_check_open(&check, options->against);
  if (status == PARE_OK && options->write != NULL) status = cli_check_write(&check, options->write);
  int code = status != PARE_OK ? cli_fail(ctx) : CLI_OK;
  if (code == CLI_OK && options->against != NULL) code = cli_check_against(&check, options->against);
  cli_check_close(&check);
  return code;
}

int cli_run_check(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  if (options->runtime == NULL && options->against == NULL && options->write == NULL)
    return cli_usage("check needs --against DIR, --write DIR or --runtime NAME@VERSION (pare help check)");
  if (options->against != NULL && strcmp(options->against, "onnxruntime") == 0)
    return cli_usage(
        "ONNX Runtime itself is run by the npm package: npx pare check MODEL --against onnxruntime");
  if (cli_load_model(ctx, options->arguments.items[0], &model) != PARE_OK) return cli_fail(ctx);
  int code =
      options->runtime != NULL ? check_runtime(ctx, options, model) : check_numbers(ctx, options, model);
  pare_model_free(model);
  return code;
}
