/* What `pare check` consists of: inputs, what another runtime saved, the comparison. */
#ifndef PARE_CLI_CHECK_H
#define PARE_CLI_CHECK_H

#include "cli/tensors.h"

typedef struct cli_check {
  pare_context *ctx;
  const pare_model *model;
  const cli_options *options;
  cli_given *inputs;
  bool is_random; /* some input was drawn from the seed */
  double rtol, atol;
} cli_check;

/* Tolerances and inputs: --input, then the folder's, then random numbers. `folder` may be NULL. */
pare_status cli_check_open(cli_check *check, const char *folder);
void cli_check_close(cli_check *check);
/* The tensor that another runtime saved for a value; *found says whether there is one. `at`: its place among the graph's outputs, or -1. */
pare_status cli_check_saved(const cli_check *check, const char *folder, const char *name, int at,
                            pare_tensor *out, bool *found);

typedef struct cli_difference {
  const char *name;    /* of the value */
  const char *problem; /* "shape", "type", or NULL: numbers */
  int64_t n_beyond, n; /* elements beyond the tolerance, and all */
  double largest, largest_relative, here, there;
  int64_t at; /* the element where `largest` is */
  pare_shape shape;
} cli_difference;

/* |here - there| <= atol + rtol |there| for floats, equal for all else. true: within. */
bool cli_check_compare(const cli_check *check, const char *name, const pare_tensor *here,
                       const pare_tensor *there, cli_difference *out);
/* Compares with a folder and prints. Returns an exit code. */
int cli_check_against(cli_check *check, const char *folder);
/* Writes a model whose every value is an output, and the inputs, for another runtime to run. */
pare_status cli_check_write(const cli_check *check, const char *folder);

#endif
