/* pare COMMAND ...: finds the command, reads its options, runs it. Exit codes: 0 success, 1 failure, 2
 * wrong usage, 130 interrupted. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

static const cli_command commands[] = {
#define COMMAND(name, arguments, least, most, pass, help, example)                                           \
  {#name, arguments, help, example, CLI_##name, least, most, pass, cli_run_##name},
#include "cli/commands.def"
#undef COMMAND
};

const cli_command *cli_command_at(int i) {
  return i >= 0 && i < (int)PARE_COUNT(commands) ? &commands[i] : NULL;
}

const cli_command *cli_command_find(const char *name) {
  for (size_t i = 0; i < PARE_COUNT(commands); i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

static const char *command_name(const void *arg, int i) {
  (void)arg;
  const cli_command *command = cli_command_at(i);
  return command == NULL ? NULL : command->name;
}

int cli_fail(pare_context *ctx) {
  const char *message = pare_error(ctx);
  fprintf(stderr, "pare: %s\n", message[0] != '\0' ? message : "it failed, without a message");
  return CLI_FAILED;
}

static int unknown_command(const char *name) {
  const char *near = pare_nearest_name(name, command_name, NULL);
  if (near != NULL) return cli_usage("there is no command '%s'; did you mean '%s'? (pare help)", name, near);
  return cli_usage("there is no command '%s' (pare help lists them)", name);
}

static int run_command(pare_context *ctx, const cli_command *command, int argc, char **argv) {
  cli_options options;
  if (!cli_options_read(command, argc, argv, &options)) return CLI_USAGE;
  if (options.help) {
    options.arguments = (cli_list){.items = {command->name}, .n = 1};
    return cli_run_help(ctx, &options);
  }
  int code = command->run(ctx, &options);
  if (fflush(stdout) == 0 || code != CLI_OK) return code;
  fputs("pare: the output could not be written\n", stderr);
  return CLI_FAILED;
}

/* WASI starts a program without a folder of its own: paths like ../model.onnx need the one it was called
 * in. */
static void enter_folder(void) {
#if defined(__wasi__)
  const char *folder = getenv("PWD");
  if (folder != NULL && chdir(folder) != 0) return; /* then only paths below the start can be reached */
#endif
}

int main(int argc, char **argv) {
  pare_context *ctx = NULL;
  enter_folder();
  if (pare_context_new(NULL, &ctx) != PARE_OK) {
    fputs("pare: out of memory\n", stderr);
    return CLI_FAILED;
  }
  const char *name = argc < 2 ? "" : argv[1];
  bool asks_help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
  int code = CLI_USAGE;
  if (strcmp(name, "--version") == 0) {
    printf("pare %s\n", pare_version());
    code = CLI_OK;
  } else if (argc < 2 || asks_help) {
    cli_options none = {.json = false};
    int shown = cli_run_help(ctx, &none);
    code = asks_help ? shown : CLI_USAGE;
  } else {
    const cli_command *command = cli_command_find(name);
    code = command == NULL ? unknown_command(name) : run_command(ctx, command, argc, argv);
  }
  pare_context_free(ctx);
  return code;
}
