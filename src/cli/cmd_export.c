/* pare export MODEL --out FILE: the pass `export` alone, without measuring anything. */
#include <string.h>

#include "cli/recipe_run.h"
#include "onnx/onnx.h"

static pare_status write_step(pare_context *ctx, const cli_options *options, const pare_pass *pass,
                              pare_buffer *out) {
  pare_json json;
  pare_json_init(&json, ctx);
  cli_put_step(ctx, options, pass, &json);
  pare_error_clear(ctx);
  return pare_json_finish(&json, out);
}

static pare_status apply(pare_context *ctx, const cli_options *options, const pare_pass *pass,
                         pare_arena *arena, const pare_model *model, pare_model **out) {
  pare_buffer step;
  pare_json_doc *doc = NULL;
  void *params = pare_arena_alloc(arena, pass->params_bytes);
  if (params == NULL) return PARE_OUT_OF_MEMORY;
  PARE_TRY(write_step(ctx, options, pass, &step));
  pare_status status = pare_json_parse(ctx, (const char *)step.data, step.len_bytes, PARE_BAD_RECIPE, &doc);
  if (status == PARE_OK) status = pare_params_read(arena, pass, doc, 0, 0, params);
  const pare_pass_env env = {.ctx = ctx, .model = model, .original = model, .params = params};
  if (status == PARE_OK) status = pass->apply(&env, out, NULL);
  pare_json_doc_free(doc);
  pare_buffer_free(ctx, &step);
  return status;
}

static pare_status save(pare_context *ctx, const cli_options *options, const pare_model *model) {
  pare_buffer file;
  char cell[CLI_CELL];
  PARE_TRY(pare_model_save(model, &file));
  const size_t len_bytes = file.len_bytes;
  pare_status status = pare_file_write(ctx, options->out, file.data, file.len_bytes);
  pare_buffer_free(ctx, &file);
  PARE_TRY(status);
  pare_buffer text;
  if (options->json) {
    pare_json json;
    pare_json_init(&json, ctx);
    pare_json_object(&json);
    pare_json_put_text(&json, "out", options->out);
    pare_json_put_int(&json, "file_bytes", (int64_t)len_bytes);
    pare_json_put_int(&json, "opset", pare_model_opset(model, ""));
    pare_json_put_int(&json, "ir_version", model->ir_version);
    pare_json_put_int(&json, "nodes", model->n_nodes);
    pare_json_end(&json, '}');
    PARE_TRY(pare_json_finish(&json, &text));
    cli_print_buffer(ctx, &text);
  } else if (!options->quiet) {
    printf("%s  %s, opset %lld, %d nodes\n", options->out, cli_bytes((double)len_bytes, cell),
           (long long)pare_model_opset(model, ""), model->n_nodes);
  }
  return PARE_OK;
}

int cli_run_export(pare_context *ctx, const cli_options *options) {
  const pare_pass *pass = pare_pass_find("export");
  pare_model *model = NULL, *made = NULL;
  pare_arena arena;
  if (options->out == NULL) return cli_usage("export needs --out FILE (pare help export)");
  if (cli_load_model(ctx, options->arguments.items[0], &model) != PARE_OK) return cli_fail(ctx);
  pare_arena_init(&arena, ctx);
  pare_status status = apply(ctx, options, pass, &arena, model, &made);
  if (status == PARE_OK) status = save(ctx, options, made);
  pare_model_free(made);
  pare_model_free(model);
  pare_arena_free(&arena);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
