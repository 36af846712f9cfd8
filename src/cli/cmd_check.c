/* pare check MODEL --runtime onnxruntime@1.14 */
#include "cli/cli.h"

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

int cli_run_check(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  pare_buffer report;
  if (options->runtime == NULL) return cli_usage("check needs --runtime NAME@VERSION (pare help check)");
  if (cli_load_model(ctx, options->arguments.items[0], &model) != PARE_OK) return cli_fail(ctx);
  int code = pare_model_check_runtime(model, options->runtime, &report) == PARE_OK
                 ? print_runtime(ctx, options, &report)
                 : cli_fail(ctx);
  pare_model_free(model);
  return code;
}
