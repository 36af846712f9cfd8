/* Reading options: --name VALUE or --name=VALUE, from options.def; for a command that stands for a pass,
 * the pass's parameters too. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "compress/pass.h"

typedef enum kind { FLAG, TEXT, INT, LIST } kind;

typedef struct option {
  const char *name;
  kind type;
  size_t offset;
  const char *value;
  int commands;
  const char *help;
} option;

static const option table[] = {
#define OPTION(name, kind, field, value, commands, help)                                                     \
  {name, kind, offsetof(cli_options, field), value, commands, help},
#include "cli/options.def"
#undef OPTION
};

int cli_usage(const char *format, ...) {
  va_list arguments;
  fputs("pare: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return CLI_USAGE;
}

static const char *option_name(const void *arg, int i) {
  const cli_command *command = arg;
  int n = 0;
  for (size_t k = 0; k < PARE_COUNT(table); k++)
    if ((table[k].commands & command->bit) != 0 && n++ == i) return table[k].name;
  const pare_pass *pass = command->pass == NULL ? NULL : pare_pass_find(command->pass);
  return pass != NULL && i - n < pass->n_params ? pass->params[i - n].name : NULL;
}

static bool unknown(const cli_command *command, const char *name) {
  const char *near = pare_nearest_name(name, option_name, command);
  if (near != NULL)
    cli_usage("'%s' has no option --%s; did you mean --%s? (pare help %s)", command->name, name, near,
              command->name);
  else
    cli_usage("'%s' has no option --%s (pare help %s)", command->name, name, command->name);
  return false;
}

static bool add(cli_list *list, const char *item) {
  if (list->n == CLI_MAX_LIST) {
    cli_usage("too many arguments");
    return false;
  }
  list->items[list->n++] = item;
  return true;
}

static bool set_int(const option *found, int64_t *field, const char *value) {
  char *end = NULL;
  errno = 0;
  long long number = strtoll(value, &end, 10);
  if (errno != 0 || end == value || *end != '\0' || number < 1 || number > 1000000000) {
    cli_usage("--%s must be a whole number from 1, not '%s'", found->name, value);
    return false;
  }
  *field = number;
  return true;
}

static bool set(cli_options *out, const option *found, const char *value) {
  uint8_t *field = (uint8_t *)out + found->offset;
  switch (found->type) {
  case FLAG: *(bool *)(void *)field = true; return true;
  case TEXT: *(const char **)(void *)field = value; return true;
  case INT: return set_int(found, (int64_t *)(void *)field, value);
  case LIST: return add((cli_list *)(void *)field, value);
  }
  return false;
}

/* "--learning-rate" and "--learning_rate" name the same parameter. */
static const pare_param *find_param(const cli_command *command, const char *name, size_t length) {
  const pare_pass *pass = command->pass == NULL ? NULL : pare_pass_find(command->pass);
  for (int i = 0; pass != NULL && i < pass->n_params; i++) {
    const char *have = pass->params[i].name;
    size_t k = 0;
    while (k < length && have[k] == (name[k] == '-' ? '_' : name[k])) k++;
    if (k == length && have[k] == '\0') return &pass->params[i];
  }
  return NULL;
}

static const option *find_option(const cli_command *command, const char *name, size_t length) {
  for (size_t i = 0; i < PARE_COUNT(table); i++)
    if ((table[i].commands & command->bit) != 0 && strlen(table[i].name) == length &&
        memcmp(table[i].name, name, length) == 0)
      return &table[i];
  return NULL;
}

/* One option at argv[*i]; moves *i past its value. */
static bool read_option(const cli_command *command, int argc, char **argv, int *i, cli_options *out) {
  const char *name = argv[*i] + 2, *equals = strchr(name, '=');
  size_t length = equals == NULL ? strlen(name) : (size_t)(equals - name);
  const option *found = find_option(command, name, length);
  const pare_param *param = found != NULL ? NULL : find_param(command, name, length);
  bool is_seed = command->pass != NULL && length == 4 && memcmp(name, "seed", 4) == 0;
  if (found == NULL && param == NULL && !is_seed) return unknown(command, name);
  const char *value = equals == NULL ? NULL : equals + 1;
  bool is_flag = found != NULL ? found->type == FLAG : param != NULL && param->type == PARE_PARAM_BOOL;
  if (found != NULL && is_flag && value != NULL) {
    cli_usage("--%s takes no value", found->name);
    return false;
  }
  if (is_flag && value == NULL) value = "true";
  if (value == NULL) {
    if (*i + 1 >= argc) {
      cli_usage("--%s needs a value", name);
      return false;
    }
    value = argv[++*i];
  }
  if (found != NULL) return set(out, found, value);
  return add(&out->params, param != NULL ? param->name : "seed") && add(&out->params, value);
}

bool cli_options_read(const cli_command *command, int argc, char **argv, cli_options *out) {
  *out = (cli_options){.json = false};
  bool options_end = false;
  for (int i = 2; i < argc; i++) {
    if (!options_end && strcmp(argv[i], "--") == 0)
      options_end = true;
    else if (!options_end && strcmp(argv[i], "-h") == 0)
      out->help = true;
    else if (!options_end && argv[i][0] == '-' && argv[i][1] == '-') {
      if (!read_option(command, argc, argv, &i, out)) return false;
    } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
      return unknown(command, argv[i] + 1);
    } else if (!add(&out->arguments, argv[i])) {
      return false;
    }
  }
  if (out->help) return true;
  int n = out->arguments.n;
  if (n >= command->min_arguments && n <= command->max_arguments) return true;
  cli_usage("usage: pare %s %s", command->name, command->arguments);
  return false;
}

void cli_print_options(const cli_command *command) {
  printf("\nOptions:\n");
  for (size_t i = 0; i < PARE_COUNT(table); i++) {
    char left[64];
    if ((table[i].commands & command->bit) == 0) continue;
    snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value == NULL ? "" : " ",
             table[i].value == NULL ? "" : table[i].value);
    printf("  %-22s ", left);
    cli_print_wrapped(table[i].help, 25);
  }
}

pare_run_options cli_run_options(const cli_options *options) {
  return (pare_run_options){.numerics = options->fast ? PARE_FAST : PARE_EXACT,
                            .n_threads = (int)(options->threads > 256 ? 256 : options->threads),
                            .limit_test = options->limit_test,
                            .limit_train = options->limit_train};
}
