/* tensors.h */
#include "cli/tensors.h"

#include <string.h>

#include "data/dataset.h"
#include "onnx/onnx.h"

pare_status cli_read_tensor(pare_context *ctx, const char *path, pare_tensor *out) {
  pare_buffer file;
  PARE_TRY(pare_file_read(ctx, path, &file));
  bool is_npy = file.len_bytes >= 6 && memcmp(file.data, "\x93NUMPY", 6) == 0;
  pare_status status = is_npy ? pare_npy_read(ctx, path, file.data, file.len_bytes, out)
                              : pare_onnx_tensor_read(ctx, path, file.data, file.len_bytes, out, NULL);
  pare_buffer_free(ctx, &file);
  return status;
}

/* "NAME=FILE", or "FILE" alone when there is one input. Names may hold '='; the longest name that fits
 * counts. */
static int find_input(const pare_model *model, const char *text, const char **path) {
  int found = -1;
  size_t longest = 0;
  for (int i = 0; i < model->n_inputs; i++) {
    const char *name = model->values[model->inputs[i]].name;
    size_t length = strlen(name);
    if (strncmp(text, name, length) != 0 || text[length] != '=' || (found >= 0 && length < longest)) continue;
    found = i;
    longest = length;
    *path = text + length + 1;
  }
  if (found >= 0 || model->n_inputs != 1 || strchr(text, '=') != NULL) return found;
  *path = text;
  return 0;
}

pare_status cli_read_inputs(pare_context *ctx, const pare_model *model, const cli_list *list,
                            cli_given *inputs) {
  for (int i = 0; i < list->n; i++) {
    const char *path = NULL;
    int at = find_input(model, list->items[i], &path);
    if (at < 0)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "--input %s: the model has no such input", list->items[i]);
    if (inputs[at].is_given)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "--input %s: it is given twice", list->items[i]);
    PARE_TRY(cli_read_tensor(ctx, path, &inputs[at].tensor));
    inputs[at].is_given = true;
    const pare_value *value = &model->values[model->inputs[at]];
    if (value->dtype != PARE_NONE && value->dtype != inputs[at].tensor.dtype)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "%s is %s, but input '%s' is %s", path,
                       pare_dtype_name(inputs[at].tensor.dtype), value->name, pare_dtype_name(value->dtype));
  }
  return PARE_OK;
}

void cli_free_inputs(const pare_model *model, cli_given *inputs) {
  for (int i = 0; inputs != NULL && i < model->n_inputs; i++) pare_tensor_release(&inputs[i].tensor);
  pare_free(model->ctx, inputs);
}

static pare_status fill(pare_session *session, const cli_given *inputs) {
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view view = pare_session_input(session, i);
    size_t len_bytes = pare_tensor_len_bytes(&inputs[i].tensor);
    if (view.len_bytes != len_bytes)
      return pare_fail(session->ctx, PARE_BAD_ARGUMENT, "input '%s' takes %zu bytes, not %zu", view.name,
                       view.len_bytes, len_bytes);
    if (len_bytes > 0) memcpy(view.data, inputs[i].tensor.data, len_bytes);
  }
  return PARE_OK;
}

pare_status cli_plan_inputs(const pare_model *model, const cli_given *inputs, pare_plan_options *wanted,
                            pare_session **out) {
  pare_shape *shapes = pare_alloc_array(model->ctx, (size_t)model->n_inputs + 1, sizeof *shapes);
  *out = NULL;
  if (shapes == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_inputs; i++) shapes[i] = inputs[i].tensor.shape;
  wanted->batch = 1;
  wanted->input_shapes = shapes;
  pare_status status = pare_session_plan(model, wanted, out);
  pare_free(model->ctx, shapes);
  if (status == PARE_OK) status = fill(*out, inputs);
  if (status == PARE_OK) return PARE_OK;
  pare_session_free(*out);
  *out = NULL;
  return status;
}

pare_status cli_npy_path(pare_context *ctx, const char *folder, const char *name, char *path, size_t size) {
  char file[300];
  snprintf(file, sizeof file, "%.280s.npy", name);
  for (char *c = file; *c; c++)
    if (*c == '/' || *c == '\\' || *c == ':') *c = '_';
  if (cli_join(path, size, folder, file)) return PARE_OK;
  return pare_fail(ctx, PARE_IO, "%s: the path is too long", folder);
}

pare_status cli_write_npy(pare_context *ctx, const char *path, const pare_tensor *tensor) {
  pare_writer writer;
  pare_buffer file;
  pare_writer_init(&writer, ctx);
  pare_status status = pare_npy_write(tensor, &writer);
  if (status != PARE_OK) {
    pare_writer_free(&writer);
    return status;
  }
  PARE_TRY(pare_writer_finish(&writer, &file));
  status = pare_file_write(ctx, path, file.data, file.len_bytes);
  pare_buffer_free(ctx, &file);
  return status;
}
