/* pare check: inputs, and what another runtime saved. A folder holds input_0.pb, output_0.pb, ... (ONNX's test_data_set), or NAME.npy, or inputs/NAME.npy
 * and outputs/NAME.npy (what --write makes). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rng.h"
#include "cli/check.h"
#include "onnx/onnx.h"

static bool is_file(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* The first of the names that a tensor may have there. */
static bool find_file(const cli_check *check, const char *folder, const char *kind, const char *name, int at,
                      char path[4096]) {
  char inner[4096], numbered[64];
  snprintf(numbered, sizeof numbered, "%s_%d.pb", kind, at);
  if (at >= 0 && cli_join(path, 4096, folder, numbered) && is_file(path)) return true;
  snprintf(inner, sizeof inner, "%.4000s/%ss", folder, kind);
  if (cli_npy_path(check->ctx, inner, name, path, 4096) == PARE_OK && is_file(path)) return true;
  return cli_npy_path(check->ctx, folder, name, path, 4096) == PARE_OK && is_file(path);
}

pare_status cli_check_saved(const cli_check *check, const char *folder, const char *name, int at,
                            pare_tensor *out, bool *found) {
  char path[4096];
  *found = find_file(check, folder, "output", name, at, path);
  return *found ? cli_read_tensor(check->ctx, path, out) : PARE_OK;
}

static pare_status read_folder(cli_check *check, const char *folder) {
  char path[4096];
  for (int i = 0; folder != NULL && i < check->model->n_inputs; i++) {
    const char *name = check->model->values[check->model->inputs[i]].name;
    if (check->inputs[i].is_given || !find_file(check, folder, "input", name, i, path)) continue;
    PARE_TRY(cli_read_tensor(check->ctx, path, &check->inputs[i].tensor));
    check->inputs[i].is_given = true;
  }
  return PARE_OK;
}

/* Floats in [-1, 1), integers 0 or 1: small enough to be indices. */
static void draw(pare_tensor *tensor, pare_rng *rng) {
  const bool is_float = tensor->dtype == PARE_F32 || tensor->dtype == PARE_F16 || tensor->dtype == PARE_F64 ||
                        tensor->dtype == PARE_BF16;
  const int64_t n = pare_tensor_count(tensor);
  for (int64_t i = 0; i < n; i++)
    pare_tensor_set_f64(tensor, i,
                        is_float ? 2.0 * (double)pare_rng_f32(rng) - 1.0 : (double)pare_rng_below(rng, 2));
}

static pare_status draw_inputs(cli_check *check) {
  const cli_options *options = check->options;
  const pare_plan_options wanted = {.batch = options->batch > 0 ? options->batch : 1};
  pare_rng rng = pare_rng_new((uint64_t)(options->seed > 0 ? options->seed : 1), "check");
  for (int i = 0; i < check->model->n_inputs; i++) {
    const pare_value *value = &check->model->values[check->model->inputs[i]];
    pare_shape shape = value->shape;
    if (check->inputs[i].is_given) continue;
    if (!value->has_shape || value->dtype == PARE_NONE)
      return pare_fail(check->ctx, PARE_BAD_ARGUMENT,
                       "input '%s' has no shape in the file: --input %s=FILE gives one", value->name,
                       value->name);
    for (int k = 0; k < shape.rank; k++) {
      if (shape.dims[k] < 0 && k > 0)
        return pare_fail(check->ctx, PARE_BAD_ARGUMENT,
                         "input '%s': dimension %d is not fixed in the file: --input %s=FILE gives one",
                         value->name, k, value->name);
      if (shape.dims[k] < 0) shape.dims[k] = wanted.batch;
    }
    PARE_TRY(pare_tensor_new(check->ctx, value->dtype, &shape, &check->inputs[i].tensor));
    draw(&check->inputs[i].tensor, &rng);
    check->inputs[i].is_given = check->is_random = true;
  }
  return PARE_OK;
}

static pare_status read_number(pare_context *ctx, const char *option, const char *text, double *out) {
  char *end = NULL;
  if (text == NULL) return PARE_OK;
  *out = strtod(text, &end);
  if (end != text && *end == '\0' && *out >= 0) return PARE_OK;
  return pare_fail(ctx, PARE_BAD_ARGUMENT, "--%s must be a number from 0, not '%.40s'", option, text);
}

pare_status cli_check_open(cli_check *check, const char *folder) {
  check->rtol = 1e-3;
  check->atol = 1e-5;
  PARE_TRY(read_number(check->ctx, "rtol", check->options->rtol, &check->rtol));
  PARE_TRY(read_number(check->ctx, "atol", check->options->atol, &check->atol));
  check->inputs = pare_alloc_array(check->ctx, (size_t)check->model->n_inputs + 1, sizeof *check->inputs);
  if (check->inputs == NULL) return PARE_OUT_OF_MEMORY;
  PARE_TRY(cli_read_inputs(check->ctx, check->model, &check->options->inputs, check->inputs));
  PARE_TRY(read_folder(check, folder));
  return draw_inputs(check);
}

void cli_check_close(cli_check *check) {
  cli_free_inputs(check->model, check->inputs);
  check->inputs = NULL;
}

/* ---- for another runtime to run ------------------------------------------------------------------------ */

/* Every value that a node makes becomes an output of the clone, with the type that the session found. */
static pare_status expose(pare_model *model, const pare_session *session) {
  int *outputs = pare_arena_array(&model->arena, (size_t)model->n_values + 1, sizeof *outputs);
  if (outputs == NULL) return PARE_OUT_OF_MEMORY;
  int n = model->n_outputs;
  memcpy(outputs, model->outputs, (size_t)n * sizeof *outputs);
  for (int i = 0; i < model->n_values; i++) {
    pare_value *value = &model->values[i];
    const pare_tensor *planned = pare_session_value(session, value->name);
    bool is_output = false;
    for (int k = 0; k < model->n_outputs; k++) is_output |= model->outputs[k] == i;
    if (is_output || value->i_producer < 0 || planned == NULL || planned->dtype == PARE_NONE) continue;
    value->dtype = planned->dtype;
    outputs[n++] = i;
  }
  model->outputs = outputs;
  model->n_outputs = n;
  return PARE_OK;
}

static pare_status write_inputs(const cli_check *check, const char *folder, pare_json *json) {
  char inner[4096], path[4096];
  if (!cli_join(inner, sizeof inner, folder, "inputs"))
    return pare_fail(check->ctx, PARE_IO, "%s: the path is too long", folder);
  PARE_TRY(cli_make_folder(check->ctx, inner));
  pare_json_key(json, "inputs");
  pare_json_array(json);
  for (int i = 0; i < check->model->n_inputs; i++) {
    const char *name = check->model->values[check->model->inputs[i]].name;
    PARE_TRY(cli_npy_path(check->ctx, inner, name, path, sizeof path));
    PARE_TRY(cli_write_npy(check->ctx, path, &check->inputs[i].tensor));
    pare_json_object(json);
    pare_json_put_text(json, "name", name);
    pare_json_put_text(json, "file", path);
    pare_json_end(json, '}');
  }
  pare_json_end(json, ']');
  return PARE_OK;
}

static pare_status write_model(const cli_check *check, const char *folder, pare_json *json) {
  pare_plan_options wanted = {.keep_all = true};
  pare_session *session = NULL;
  pare_model *model = NULL;
  char path[4096];
  if (!cli_join(path, sizeof path, folder, "model.onnx"))
    return pare_fail(check->ctx, PARE_IO, "%s: the path is too long", folder);
  PARE_TRY(cli_plan_inputs(check->model, check->inputs, &wanted, &session));
  pare_status status = pare_model_clone(check->model, &model);
  if (status == PARE_OK) status = expose(model, session);
  if (status == PARE_OK) status = pare_model_save_file(model, path);
  pare_json_put_text(json, "model", path);
  pare_json_put_int(json, "outputs", model == NULL ? 0 : model->n_outputs);
  pare_model_free(model);
  pare_session_free(session);
  return status;
}

pare_status cli_check_write(const cli_check *check, const char *folder) {
  pare_json json;
  pare_buffer text;
  PARE_TRY(cli_make_folder(check->ctx, folder));
  pare_json_init(&json, check->ctx);
  pare_json_object(&json);
  pare_json_put_text(&json, "original", check->options->arguments.items[0]);
  pare_status status = write_inputs(check, folder, &json);
  if (status == PARE_OK) status = write_model(check, folder, &json);
  pare_json_end(&json, '}');
  if (status != PARE_OK) {
    pare_json_free(&json);
    return status;
  }
  PARE_TRY(pare_json_finish(&json, &text));
  char path[4096];
  status = cli_join(path, sizeof path, folder, "check.json")
               ? pare_file_write(check->ctx, path, text.data, text.len_bytes)
               : pare_fail(check->ctx, PARE_IO, "%s: the path is too long", folder);
  if (status == PARE_OK && check->options->json) {
    cli_print_buffer(check->ctx, &text);
    return PARE_OK;
  }
  pare_buffer_free(check->ctx, &text);
  PARE_TRY(status);
  if (!check->options->quiet)
    printf("%s/model.onnx has every value as an output. Run it on %s/inputs, save what it gives as "
           "%s/outputs/NAME.npy, and call\n  pare check MODEL --against %s\n",
           folder, folder, folder, folder);
  return PARE_OK;
}
