/* pare infer MODEL --input NAME=FILE... --out DIR: tensors in (.npy, or ONNX TensorProto), one OUTPUT.npy
 * for each output. */
#include "cli/tensors.h"

static pare_status read_all(pare_context *ctx, const pare_model *model, const cli_list *list,
                            cli_given *inputs) {
  PARE_TRY(cli_read_inputs(ctx, model, list, inputs));
  for (int i = 0; i < model->n_inputs; i++)
    if (!inputs[i].is_given)
      return pare_fail(ctx, PARE_BAD_ARGUMENT, "input '%s' is not given (--input %s=FILE)",
                       model->values[model->inputs[i]].name, model->values[model->inputs[i]].name);
  return PARE_OK;
}

static pare_status write_output(pare_context *ctx, const pare_tensor_view *view, const cli_options *options,
                                pare_json *json) {
  char path[4096], shape[100];
  const pare_tensor tensor = {.dtype = view->dtype, .shape = view->shape, .data = view->data};
  PARE_TRY(cli_npy_path(ctx, options->out, view->name, path, sizeof path));
  PARE_TRY(cli_write_npy(ctx, path, &tensor));
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

static pare_status infer(pare_context *ctx, const pare_model *model, cli_given *inputs,
                         const cli_options *options) {
  const pare_run_options run = cli_run_options(options);
  pare_plan_options wanted = {.numerics = run.numerics, .n_threads = run.n_threads, .fuse = true};
  pare_session *session = NULL;
  PARE_TRY(read_all(ctx, model, &options->inputs, inputs));
  PARE_TRY(cli_plan_inputs(model, inputs, &wanted, &session));
  pare_status status = pare_session_run(session);
  if (status == PARE_OK) status = write_outputs(ctx, session, options);
  pare_session_free(session);
  return status;
}

int cli_run_infer(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  if (options->out == NULL) return cli_usage("infer needs --out DIR (pare help infer)");
  if (cli_load_model(ctx, options->arguments.items[0], &model) != PARE_OK) return cli_fail(ctx);
  cli_given *inputs = pare_alloc_array(ctx, (size_t)model->n_inputs + 1, sizeof *inputs);
  pare_status status = inputs == NULL ? PARE_OUT_OF_MEMORY : infer(ctx, model, inputs, options);
  cli_free_inputs(model, inputs);
  pare_model_free(model);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
