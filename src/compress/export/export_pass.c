/* The pass `export`: how a network is written. Its style is another pass with that pass's own defaults (styles.def); then the opset is chosen, and
 * whether initializers that are mostly zeros become sparse ones. */
#include <stdio.h>
#include <string.h>

#include "compress/pass.h"
#include "onnx/onnx.h"

typedef struct export_params {
  int64_t style, opset;
  bool sparse;
} export_params;

static const struct {
  const char *name, *step;
} styles[] = {
#define STYLE(name, step) {#name, step},
#include "compress/export/styles.def"
#undef STYLE
};

static const char *style_name(int i) {
  return i >= 0 && i < (int)PARE_COUNT(styles) ? styles[i].name : NULL;
}

static pare_status apply_pass(const pare_pass_env *env, pare_arena *arena, const pare_json_doc *doc,
                              pare_model **out, pare_json *details) {
  const pare_pass *pass = pare_pass_find(pare_json_get_text(doc, pare_json_member(doc, 0, "pass")));
  if (!pass || !pass->apply) return pare_fail(env->ctx, PARE_UNSUPPORTED, "the style's pass is not there");
  void *params = pare_arena_alloc(arena, pass->params_bytes + 1);
  if (!params) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_params_read(arena, pass, doc, 0, 0, params));
  pare_pass_env inner = *env;
  inner.params = params;
  return pass->apply(&inner, out, details);
}

static pare_status apply_style(const pare_pass_env *env, const char *step, pare_model **out,
                               pare_json *details) {
  pare_json_doc *doc = NULL;
  pare_arena arena;
  if (!step) return pare_model_clone(env->model, out);
  PARE_TRY(pare_json_parse(env->ctx, step, strlen(step), PARE_BAD_RECIPE, &doc));
  pare_arena_init(&arena, env->ctx);
  const pare_status status = apply_pass(env, &arena, doc, out, details);
  pare_arena_free(&arena);
  pare_json_doc_free(doc);
  return status;
}

/* Marks what is smaller as a sparse initializer; says how many. */
static int mark_sparse(pare_model *model, bool sparse) {
  int n = 0;
  for (int i = 0; i < model->n_values; i++) {
    pare_value *value = &model->values[i];
    value->sparse = sparse && value->is_initializer && !value->from_attr;
    value->sparse = value->sparse && pare_onnx_stays_sparse(value);
    n += value->sparse;
  }
  return n;
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  const export_params *params = env->params;
  pare_model *model = NULL;
  *out = NULL;
  PARE_TRY(apply_style(env, styles[params->style].step, &model, details));
  const int n_sparse = mark_sparse(model, params->sparse);
  const pare_status status = params->opset ? pare_onnx_set_opset(model, params->opset) : PARE_OK;
  if (status != PARE_OK) {
    pare_model_free(model);
    return status;
  }
  if (n_sparse && model->ir_version < PARE_ONNX_SPARSE_IR) model->ir_version = PARE_ONNX_SPARSE_IR;
  if (details) {
    pare_json_put_int(details, "opset", pare_model_opset(model, ""));
    pare_json_put_int(details, "sparse_initializers", n_sparse);
  }
  *out = model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  const export_params *p = given;
  char opset[32] = "";
  if (p->opset) snprintf(opset, sizeof opset, ", opset %lld", (long long)p->opset);
  snprintf(text, size, "written as %s%s%s", style_name((int)p->style), opset,
           p->sparse ? ", zeros left out" : "");
}

static const pare_param params[] = {
    {.name = "style",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(export_params, style),
     .choice = style_name,
     .unit = "",
     .help = "The form of the network; each but as_is is the pass that makes it, with its own defaults."},
    {.name = "opset",
     .type = PARE_PARAM_INT,
     .offset = offsetof(export_params, opset),
     .minimum = 0,
     .maximum = PARE_ONNX_MAX_OPSET,
     .unit = "",
     .help = "Version of ONNX's operators in the file; 0: what the network has or needs."},
    {.name = "sparse",
     .type = PARE_PARAM_BOOL,
     .offset = offsetof(export_params, sparse),
     .unit = "",
     .help = "Store weights that are mostly zeros as sparse initializers, where that is smaller."},
};

const pare_pass pare_pass_export = {
    .name = "export",
    .title = "Export form",
    .help = "Chooses how the network is written: its style, the opset, and sparse initializers.",
    .kind = "quantize",
    .params_bytes = sizeof(export_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
