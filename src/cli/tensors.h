/* Tensors from files and to files, for the commands that run a model. */
#ifndef PARE_CLI_TENSORS_H
#define PARE_CLI_TENSORS_H

#include "cli/cli.h"
#include "session/session.h"

typedef struct cli_given {
  pare_tensor tensor;
  bool is_given;
} cli_given;

/* .npy, or an ONNX TensorProto. */
pare_status cli_read_tensor(pare_context *ctx, const char *path, pare_tensor *out);
/* --input NAME=FILE... into inputs [model->n_inputs]; types are checked. What is not given stays so. */
pare_status cli_read_inputs(pare_context *ctx, const pare_model *model, const cli_list *list,
                            cli_given *inputs);
/* A session of these inputs' shapes, with them in place. */
pare_status cli_plan_inputs(const pare_model *model, const cli_given *inputs, pare_plan_options *wanted,
                            pare_session **out);
void cli_free_inputs(const pare_model *model, cli_given *inputs);
/* FOLDER/NAME.npy in path [size]; slashes in names would be folders. */
pare_status cli_npy_path(pare_context *ctx, const char *folder, const char *name, char *path, size_t size);
pare_status cli_write_npy(pare_context *ctx, const char *path, const pare_tensor *tensor);

#endif
