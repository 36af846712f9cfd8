/* The pass `simplify`: what exporters leave behind goes. Constants are folded, chains that compute shapes become constants (probes.h), batch
 * normalisation goes into the layer before it, nodes that do nothing or that nobody reads go. The network's answers stay. */
#include <stdio.h>

#include "compress/pass.h"
#include "compress/simplify/simplify.h"
#include "session/session.h"

/* A branch that comes in the place of its If brings new constants: as often as that makes the graph smaller. */
#define MAX_ROUNDS 8

static pare_status use_probes(pare_model *model) {
  pare_probes probes;
  PARE_TRY(pare_probes_make(model, &probes));
  pare_status status = pare_simplify_constants(model, &probes);
  if (status == PARE_OK) status = pare_simplify_reshapes(model, &probes);
  if (status == PARE_OK) pare_simplify_shapes(model, &probes);
  if (status == PARE_OK) pare_simplify_casts(model, &probes);
  pare_probes_free(&probes);
  return status == PARE_OK ? pare_model_finish(model) : status;
}

/* `why` [size]: what keeps the open dimensions from being looked at, or empty. */
static pare_status one_round(pare_model *model, char *why, size_t size) {
  PARE_TRY(pare_fold_for_file(model, NULL));
  const pare_status status = use_probes(model);
  if (status == PARE_OUT_OF_MEMORY) return status;
  snprintf(why, size, "%s", status == PARE_OK ? "" : pare_error(model->ctx));
  pare_error_clear(model->ctx);
  pare_simplify_no_ops(model);
  PARE_TRY(pare_model_finish(model));
  pare_simplify_dead(model);
  return pare_model_finish(model);
}

static pare_status simplify(pare_model *model, char *why, size_t size) {
  for (int round = 0, before = -1; round < MAX_ROUNDS && before != model->n_nodes; round++) {
    before = model->n_nodes;
    PARE_TRY(one_round(model, why, size));
  }
  return pare_fold_batchnorm(model);
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  char why[512] = "";
  pare_model *model = NULL;
  *out = NULL;
  PARE_TRY(pare_model_clone(env->model, &model));
  const pare_status status = simplify(model, why, sizeof why);
  if (status != PARE_OK) {
    pare_model_free(model);
    return status;
  }
  if (details) {
    pare_json_put_int(details, "nodes_before", env->model->n_nodes);
    pare_json_put_int(details, "nodes", model->n_nodes);
    if (*why) pare_json_put_text(details, "shapes_left", why);
  }
  *out = model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  (void)given;
  snprintf(text, size, "constants folded, shapes worked out, nodes that do nothing taken out");
}

const pare_pass pare_pass_simplify = {
    .name = "simplify",
    .title = "Simplify",
    .help = "Folds constants and what computes shapes, and takes out nodes that do nothing; the answers stay "
            "the same.",
    .kind = "quantize",
    .describe = describe,
    .apply = apply,
};
