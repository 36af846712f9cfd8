/* pare info MODEL */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

static void print_values(const pare_json_doc *doc, const char *key, const char *title) {
  int list = pare_json_member(doc, 0, key);
  for (int i = 0; i < pare_json_count(doc, list); i++) {
    int value = pare_json_item(doc, list, i), dims = pare_json_member(doc, value, "dims");
    const char *name = pare_json_get_text(doc, pare_json_member(doc, value, "name"));
    const char *dtype = pare_json_get_text(doc, pare_json_member(doc, value, "dtype"));
    printf("%-11s %s  %s [", title, name == NULL ? "" : name, dtype == NULL ? "?" : dtype);
    for (int k = 0; k < pare_json_count(doc, dims); k++) {
      double dim = 0;
      int token = pare_json_item(doc, dims, k);
      const char *symbol = pare_json_get_text(doc, token);
      if (symbol != NULL)
        printf("%s%s", k > 0 ? ", " : "", symbol);
      else if (pare_json_get_number(doc, token, &dim))
        printf("%s%.0f", k > 0 ? ", " : "", dim);
    }
    printf("]\n");
  }
}

static void print_opsets(const pare_json_doc *doc) {
  int list = pare_json_member(doc, 0, "opsets");
  printf("%-11s IR %.0f", "format", cli_number(doc, 0, "ir_version"));
  for (int i = 0; i < pare_json_count(doc, list); i++) {
    int opset = pare_json_item(doc, list, i);
    const char *domain = pare_json_get_text(doc, pare_json_member(doc, opset, "domain"));
    printf(", %s opset %.0f", domain == NULL || domain[0] == '\0' ? "ONNX" : domain,
           cli_number(doc, opset, "version"));
  }
  printf("\n");
}

static void print_sums(const pare_json_doc *doc) {
  char a[CLI_CELL], b[CLI_CELL], c[CLI_CELL];
  double parameters = cli_number(doc, 0, "parameters"), nonzeros = cli_number(doc, 0, "nonzeros");
  printf("%-11s %.0f, of them %s zero\n", "parameters", parameters,
         cli_percent(parameters > 0 ? 1 - nonzeros / parameters : (double)NAN, a));
  printf("%-11s %s; weights %s, entropy-coded about %s (an estimate)\n", "file",
         cli_bytes(cli_number(doc, 0, "file_bytes"), a), cli_bytes(cli_number(doc, 0, "bytes"), b),
         cli_bytes(cli_number(doc, 0, "entropy_bytes"), c));
  printf("%-11s %s MACs, %s with weights that are not zero\n", "compute",
         cli_count(cli_number(doc, 0, "macs"), a), cli_count(cli_number(doc, 0, "effective_macs"), b));
  double peak = cli_number(doc, 0, "peak_bytes");
  if (peak > 0) printf("%-11s %s at batch 1\n", "memory", cli_bytes(peak, a));
}

static const char *text_of(const pare_json_doc *doc, int object, const char *key) {
  const char *text = pare_json_get_text(doc, pare_json_member(doc, object, key));
  return text == NULL ? "" : text;
}

/* One line for each operator, with the first nodes that have it. */
static void print_unsupported(const pare_json_doc *doc, int list, int i) {
  int first = pare_json_item(doc, list, i), n = 0;
  const char *op = text_of(doc, first, "op"), *domain = text_of(doc, first, "domain");
  for (int k = 0; k < pare_json_count(doc, list); k++) {
    int item = pare_json_item(doc, list, k);
    if (strcmp(text_of(doc, item, "op"), op) != 0 || strcmp(text_of(doc, item, "domain"), domain) != 0)
      continue;
    if (k < i) return; /* told already */
    if (n == 0) printf("  %s%s%s is not there: node", domain, *domain ? "." : "", op);
    if (n < 5) printf("%s '%s'", n > 0 ? "," : "", text_of(doc, item, "node"));
    n++;
  }
  if (n > 5) printf(" and %d more", n - 5);
  printf("\n");
}

static void print_words(const pare_json_doc *doc, const char *key, const char *title) {
  int list = pare_json_member(doc, 0, key);
  if (pare_json_count(doc, list) == 0) return;
  printf("%-12s", title);
  for (int i = 0; i < pare_json_count(doc, list); i++)
    printf("%s %s", i > 0 ? "," : "", pare_json_get_text(doc, pare_json_item(doc, list, i)));
  printf("\n");
}

static void print_problems(const pare_json_doc *doc) {
  int list = pare_json_member(doc, 0, "unsupported");
  const char *problem = pare_json_get_text(doc, pare_json_member(doc, 0, "problem"));
  if (problem == NULL) return;
  printf("\nIt cannot run: ");
  cli_print_wrapped(problem, 15);
  for (int i = 0; i < pare_json_count(doc, list); i++) print_unsupported(doc, list, i);
  print_words(doc, "possible", "still there");
  print_words(doc, "impossible", "needs it run");
}

static pare_status print_info(pare_context *ctx, const pare_buffer *info) {
  pare_json_doc *doc = NULL;
  PARE_TRY(pare_json_parse(ctx, (const char *)info->data, info->len_bytes, PARE_BAD_ARGUMENT, &doc));
  print_opsets(doc);
  print_values(doc, "inputs", "input");
  print_values(doc, "outputs", "output");
  print_sums(doc);
  print_problems(doc);
  printf("\n");
  cli_print_layers(doc, pare_json_member(doc, 0, "layers"), false);
  pare_json_doc_free(doc);
  return PARE_OK;
}

int cli_run_info(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  pare_buffer info = {NULL, 0};
  pare_status status = cli_load_model(ctx, options->arguments.items[0], &model);
  if (status == PARE_OK) status = pare_model_info(model, &info);
  pare_model_free(model);
  if (status != PARE_OK) return cli_fail(ctx);
  if (options->json) {
    cli_print_buffer(ctx, &info);
    return CLI_OK;
  }
  status = print_info(ctx, &info);
  pare_buffer_free(ctx, &info);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
