/* pare help [COMMAND|PASS]; pare schema. What a pass takes comes from its own declaration. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "compress/pass.h"

static void print_overview(void) {
  printf("pare %s: train, prune, distil and quantize neural networks, and measure what it does.\n\n",
         pare_version());
  printf("Usage: pare COMMAND ...\n\nCommands:\n");
  for (int i = 0; cli_command_at(i) != NULL; i++) {
    printf("  %-8s ", cli_command_at(i)->name);
    cli_print_wrapped(cli_command_at(i)->help, 11);
  }
  printf("\nPasses of recipes (pare help PASS):\n");
  for (int i = 0; i < pare_pass_count(); i++) {
    printf("  %-17s ", pare_pass_at(i)->name);
    cli_print_wrapped(pare_pass_at(i)->help, 20);
  }
  printf("\nExamples:\n");
  for (int i = 0; cli_command_at(i) != NULL; i++) printf("  %s\n", cli_command_at(i)->example);
}

static void print_range(const pare_param *param) {
  switch (param->type) {
  case PARE_PARAM_INT:
  case PARE_PARAM_FLOAT: printf("%g to %g", param->minimum, param->maximum); break;
  case PARE_PARAM_BOOL: printf("true or false"); break;
  case PARE_PARAM_CHOICE:
    for (int i = 0; param->choice(i) != NULL; i++) printf("%s%s", i > 0 ? " | " : "", param->choice(i));
    break;
  case PARE_PARAM_LAYERS: printf("a list of node names"); break;
  case PARE_PARAM_MODEL: printf("the name of a model"); break;
  case PARE_PARAM_TEXT: printf("a text"); break;
  }
}

static void print_fallback(const pare_param *param) {
  if (param->required) {
    printf("; must be given");
    return;
  }
  switch (param->type) {
  case PARE_PARAM_INT:
  case PARE_PARAM_FLOAT: printf("; default %g", param->fallback); break;
  case PARE_PARAM_BOOL: printf("; default %s", param->fallback != 0 ? "true" : "false"); break;
  case PARE_PARAM_CHOICE: printf("; default %s", param->choice((int)param->fallback)); break;
  case PARE_PARAM_LAYERS: printf("; default none"); break;
  default:
    if (param->fallback_text != NULL && param->fallback_text[0] != '\0')
      printf("; default %s", param->fallback_text);
  }
}

static void print_params(const pare_pass *pass) {
  for (int i = 0; i < pass->n_params; i++) {
    const pare_param *param = &pass->params[i];
    printf("  %-16s ", param->name);
    cli_print_wrapped(param->help, 19);
    printf("%19s(", "");
    print_range(param);
    if (param->unit != NULL && param->unit[0] != '\0') printf(" %s", param->unit);
    print_fallback(param);
    printf(")\n");
  }
}

static void print_pass(const pare_pass *pass) {
  printf("%s: %s\n", pass->name, pass->title);
  cli_print_wrapped(pass->help, 0);
  printf("%s\nParameters:\n", pass->needs_data ? "It needs data.\n" : "");
  print_params(pass);
  printf("  %-16s %s\n", "name", "What to call this step in the report.");
  printf("  %-16s %s\n", "seed", "Seed of this step; without it, drawn from the recipe's.");
  printf("\nExample:\n  {\"seed\": 1, \"steps\": [{\"pass\": \"%s\"}]}\n", pass->name);
}

static void print_command(const cli_command *command) {
  const pare_pass *pass = command->pass == NULL ? NULL : pare_pass_find(command->pass);
  printf("Usage: pare %s %s\n\n%s\n", command->name, command->arguments, command->help);
  cli_print_options(command);
  if (pass != NULL) {
    printf("\nOptions of the pass '%s' (--name VALUE, - or _ in names):\n", pass->name);
    print_params(pass);
    printf("  %-16s %s\n", "seed", "Seed of the training.");
  }
  printf("\nExample:\n  %s\n", command->example);
}

static const char *topic_name(const void *arg, int i) {
  (void)arg;
  int n = 0;
  while (cli_command_at(n) != NULL) n++;
  if (i < n) return cli_command_at(i)->name;
  return i - n < pare_pass_count() ? pare_pass_at(i - n)->name : NULL;
}

int cli_run_help(pare_context *ctx, const cli_options *options) {
  (void)ctx;
  if (options->arguments.n == 0) {
    print_overview();
    return CLI_OK;
  }
  const char *name = options->arguments.items[0];
  const cli_command *command = cli_command_find(name);
  const pare_pass *pass = pare_pass_find(name);
  if (command != NULL) print_command(command);
  if (command != NULL && pass != NULL) printf("\n");
  if (pass != NULL) print_pass(pass);
  if (command != NULL || pass != NULL) return CLI_OK;
  const char *near = pare_nearest_name(name, topic_name, NULL);
  if (near != NULL) return cli_usage("there is no command or pass '%s'; did you mean '%s'?", name, near);
  return cli_usage("there is no command or pass '%s' (pare help lists them)", name);
}

int cli_run_schema(pare_context *ctx, const cli_options *options) {
  pare_buffer schema;
  (void)options;
  if (pare_schema(ctx, &schema) != PARE_OK) return cli_fail(ctx);
  cli_print_buffer(ctx, &schema);
  return CLI_OK;
}
