/* The command line: options, tables and progress that the commands share. Everything that computes is in
 * the library. */
#ifndef PARE_CLI_H
#define PARE_CLI_H

#include <stdio.h>

#include "base/json.h"
#include "graph/graph.h"
#include "pare/pare.h"

#define CLI_OK          0
#define CLI_FAILED      1
#define CLI_USAGE       2
#define CLI_INTERRUPTED 130
#define CLI_MAX_LIST    64

/* Which commands take an option: bits. */
typedef enum cli_command_bit {
#define COMMAND(name, ...) CLI_##name = 1 << __COUNTER__,
#include "cli/commands.def"
#undef COMMAND
} cli_command_bit;

typedef struct cli_list {
  const char *items[CLI_MAX_LIST];
  int n;
} cli_list;

typedef struct cli_options {
  const char *data, *recipe, *out, *checkpoint, *runtime, *against, *write, *rtol, *atol, *nodes;
  bool json, quiet, fast, fresh, resume, dot, help;
  int64_t threads, limit_test, limit_train, batch, runs, seed;
  cli_list inputs, models;
  cli_list params; /* of a pass: name, value, name, value, ... */
  cli_list arguments;
} cli_options;

typedef struct cli_command {
  const char *name, *arguments, *help, *example;
  int bit, min_arguments, max_arguments;
  const char *pass; /* whose parameters are options too, or NULL */
  int (*run)(pare_context *ctx, const cli_options *options);
} cli_command;

const cli_command *cli_command_find(const char *name);
const cli_command *cli_command_at(int i); /* NULL past the end */

/* Reads argv[2..]; prints what is wrong. false: wrong usage. */
bool cli_options_read(const cli_command *command, int argc, char **argv, cli_options *out);
void cli_print_options(const cli_command *command);
void cli_print_pass(const char *name);
pare_run_options cli_run_options(const cli_options *options);

/* "pare: MESSAGE" on stderr; the context's message. Returns CLI_FAILED. */
int cli_fail(pare_context *ctx);
int cli_usage(const char *format, ...) PARE_PRINTF(1, 2);

/* ---- jobs ---- */
void cli_catch_interrupts(void);
bool cli_interrupted(void);
/* What to do between steps of a job, about every ten seconds and when it ends early; may be NULL. */
typedef pare_status (*cli_between)(pare_context *ctx, pare_job *job, const cli_options *options);
/* Runs to the end, with a bar on a terminal. Returns CLI_OK, CLI_FAILED (message printed) or
 * CLI_INTERRUPTED. */
int cli_run_job(pare_context *ctx, pare_job *job, const cli_options *options, cli_between between);

/* ---- files ---- */
pare_status cli_load_model(pare_context *ctx, const char *path, pare_model **out);
pare_status cli_make_folder(pare_context *ctx, const char *path);
/* DIR/NAME in memory of the caller's. */
bool cli_join(char *out, size_t size, const char *folder, const char *name);

/* ---- tables ---- */
#define CLI_CELL 24
const char *cli_bytes(double bytes, char cell[CLI_CELL]);   /* "461 kB" */
const char *cli_count(double count, char cell[CLI_CELL]);   /* "61706", "2.3 M" */
const char *cli_percent(double share, char cell[CLI_CELL]); /* "91.66 %", "-" for NaN */
const char *cli_ms(double ms, char cell[CLI_CELL]);
/* `text` in lines of at most 110 columns; the first starts at column `indent` already, the others are
 * moved there. */
void cli_print_wrapped(const char *text, int indent);
void cli_print_layers(const pare_json_doc *doc, int layers, bool by_time);
void cli_print_confusion(const pare_json_doc *doc, int confusion);
/* NaN when it is not there or null. */
double cli_number(const pare_json_doc *doc, int object, const char *key);
void cli_print_buffer(pare_context *ctx, pare_buffer *buffer); /* to stdout with a newline; frees it */

#define COMMAND(name, ...) int cli_run_##name(pare_context *ctx, const cli_options *options);
#include "cli/commands.def"
#undef COMMAND

#endif
