/* pare infer MODEL --input NAME=FILE... --out DIR: tensors in (.npy, or ONNX TensorProto), one OUTPUT.npy
 * for each output. */
#include <string.h>

#include "cli/cli.h"
#include "data/dataset.h"
#include "onnx/onnx.h"
#include "session/session.h"

typedef struct given {
  pare_tensor tensor;
  bool is_given;
} given;

static pare_status read_tensor(pare_context *ctx, const char *path, pare_tensor *out) {
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

static pare_status read_inputs(pare_context *ctx, const pare_model *model, const cli_list *list,
                               given *inputs) {
  for (int i = 0; i < list->n; i++) {
    const char *path = NULL;
    int at = find_input(model, list->items[i], &path);
    if (at < 0)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "--input %s: the model has no such input", list->items[i]);
    if (inputs[at].is_given)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "--input %s: it is given twice", list->items[i]);
    PARE_TRY(read_tensor(ctx, path, &inputs[at].tensor));
    inputs[at].is_given = true;
    const pare_value *value = &model->values[model->inputs[at]];
    if (value->dtype != PARE_NONE && value->dtype != inputs[at].tensor.dtype)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "%s is %s, but input '%s' is %s", path,
                       pare_dtype_name(inputs[at].tensor.dtype), value->name, pare_dtype_name(value->dtype));
  }
  for (int i = 0; i < model->n_inputs; i++)
    if (!inputs[i].is_given)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "input '%s' is not given (--input %s=FILE)",
                       model->values[model->inputs[i]].name, model->values[model->inputs[i]].name);
  return PARE_OK;
}

static pare_status plan(const pare_model *model, const given *inputs, const cli_options *options,
                        pare_session **out) {
  pare_run_options run = cli_run_options(options);
  pare_shape *shapes = pare_alloc_array(model->ctx, (size_t)model->n_inputs + 1, sizeof *shapes);
  if (shapes == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_inputs; i++) shapes[i] = inputs[i].tensor.shape;
  pare_plan_options wanted = {
      .batch = 1, .input_shapes = shapes, .numerics = run.numerics, .n_threads = run.n_threads, .fuse = true};
  pare_status status = pare_session_plan(model, &wanted, out);
  pare_free(model->ctx, shapes);
  return status;
}

static pare_status run(pare_context *ctx, const given *inputs, pare_session *session) {
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view view = pare_session_input(session, i);
    size_t len_bytes = pare_tensor_len_bytes(&inputs[i].tensor);
    if (view.len_bytes != len_bytes)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "input '%s' takes %zu bytes, not %zu", view.name,
                       view.len_bytes, len_bytes);
    if (len_bytes > 0) memcpy(view.data, inputs[i].tensor.data, len_bytes);
  }
  return pare_session_run(session);
}

/* Slashes in names would be folders. */
static void file_name(const char *name, char *out, size_t size) {
  snprintf(out, size, "%s.npy", name);
  for (char *c = out; *c; c++)
    if (*c == '/' || *c == '\\' || *c == ':') *c = '_';
}

static pare_status write_output(pare_context *ctx, const pare_tensor_view *view, const cli_options *options,
                                pare_json *json) {
  char name[300], path[4096], shape[100];
  pare_tensor tensor = {.dtype = view->dtype, .shape = view->shape, .data = view->data};
  pare_writer writer;
  pare_buffer file;
  file_name(view->name, name, sizeof name);
  if (!cli_join(path, sizeof path, options->out, name))
    return pare_fail(ctx, PARE_IO, "%s: the path is too long", options->out);
  pare_writer_init(&writer, ctx);
  pare_status status = pare_npy_write(&tensor, &writer);
  if (status != PARE_OK) {
    pare_writer_free(&writer);
    return status;
  }
  PARE_TRY(pare_writer_finish(&writer, &file));
  status = pare_file_write(ctx, path, file.data, file.len_bytes);
  pare_buffer_free(ctx, &file);
  PARE_TRY(status);
  pare_json_object(json);
  pare_json_put_text(json, "name", view->name);
  pare_json_put_text(json, "dtype", pare_dtype_name(view->dtype));
  pare_json_put_shape(json, "shape", &view->shape);
  pare_json_put_text(json, "file", path);
  pare_json_end(json, '}');
  if (!options->json && !options->quiet)
    printf("%s  %s %s\n", path, pare_dtype_name(view->dtype),
           pare_shape_text(&view->shape, shape, sizeof shape));
  return PARE_OK;
}

static pare_status write_outputs(pare_context *ctx, const pare_session *session, const cli_options *options) {
  pare_json json;
  pare_buffer text;
  PARE_TRY(cli_make_folder(ctx, options->out));
  pare_json_init(&json, ctx);
  pare_json_object(&json);
  pare_json_key(&json, "outputs");
  pare_json_array(&json);
  pare_status status = PARE_OK;
  for (int i = 0; status == PARE_OK && i < pare_session_n_outputs(session); i++) {
    pare_tensor_view view = pare_session_output(session, i);
    status = write_output(ctx, &view, options, &json);
  }
  pare_json_end(&json, ']');
  pare_json_end(&json, '}');
  if (status != PARE_OK) {
    pare_json_free(&json);
    return status;
  }
  PARE_TRY(pare_json_finish(&json, &text));
  if (options->json)
    cli_print_buffer(ctx, &text);
  else
    pare_buffer_free(ctx, &text);
  return PARE_OK;
}

static pare_status infer(pare_context *ctx, const pare_model *model, given *inputs,
                         const cli_options *options) {
  pare_session *session = NULL;
  PARE_TRY(read_inputs(ctx, model, &options->inputs, inputs));
  PARE_TRY(plan(model, inputs, options, &session));
  pare_status status = run(ctx, inputs, session);
  if (status == PARE_OK) status = write_outputs(ctx, session, options);
  pare_session_free(session);
  return status;
}

int cli_run_infer(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  if (options->out == NULL) return cli_usage("infer needs --out DIR (pare help infer)");
  if (cli_load_model(ctx, options->arguments.items[0], &model) != PARE_OK) return cli_fail(ctx);
  given *inputs = pare_alloc_array(ctx, (size_t)model->n_inputs + 1, sizeof *inputs);
  pare_status status = inputs == NULL ? PARE_OUT_OF_MEMORY : infer(ctx, model, inputs, options);
  for (int i = 0; inputs != NULL && i < model->n_inputs; i++) pare_tensor_release(&inputs[i].tensor);
  pare_free(ctx, inputs);
  pare_model_free(model);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
