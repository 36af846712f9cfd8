/* Choosing the opset of a model that will be written. Forms change while writing (normalize.c); here is what cannot be said in an opset, and why. */
#include "onnx/onnx.h"

#include <stdio.h>

/* ONNX Versioning.md: the IR version of the release that brought each opset, from 7 on. */
static const int8_t ir_versions[] = {3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 10};
enum { FIRST_OPSET = 7, WITHOUT_LISTED_INPUTS = 4, GROUP_NORM_CHANGED = 21 };

int64_t pare_onnx_ir_of_opset(int64_t opset) {
  if (opset < FIRST_OPSET) return ir_versions[0];
  const int64_t last = (int64_t)PARE_COUNT(ir_versions) - 1, at = opset - FIRST_OPSET;
  return ir_versions[at < last ? at : last];
}

/* The problem in words, or NULL. */
static const char *problem(const pare_model *model, const pare_node *node, const int *ranks, int64_t opset,
                           char *text, size_t size) {
  const int64_t now = pare_model_opset(model, "");
  if (*node->domain || opset == now) return NULL;
  if (pare_node_is(node, "GroupNormalization") && (opset < GROUP_NORM_CHANGED) != (now < GROUP_NORM_CHANGED))
    return "means something else from opset 21";
  const int64_t needed = pare_onnx_needed_opset(model, node, ranks, opset);
  if (needed <= opset) return NULL;
  snprintf(text, size, "needs opset %lld", (long long)needed);
  return text;
}

static pare_status check_nodes(const pare_model *model, const int *ranks, int64_t opset) {
  char list[600], text[64];
  size_t used = 0;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    const char *why = problem(model, node, ranks, opset, text, sizeof text);
    if (!why || used >= sizeof list) continue;
    int n = snprintf(list + used, sizeof list - used, "%snode '%s' (%s) %s", used ? "; " : "", node->name,
                     node->op_type, why);
    used += n > 0 ? (size_t)n : 0;
  }
  if (!used) return PARE_OK;
  return pare_fail(model->ctx, PARE_UNSUPPORTED, "it cannot be written in opset %lld: %s", (long long)opset,
                   list);
}

pare_status pare_onnx_set_opset(pare_model *model, int64_t opset) {
  if (opset < FIRST_OPSET || opset > PARE_ONNX_MAX_OPSET) {
    return pare_fail(model->ctx, PARE_BAD_ARGUMENT, "opset %lld: %d to %d can be written", (long long)opset,
                     FIRST_OPSET, PARE_ONNX_MAX_OPSET);
  }
  int *ranks = pare_onnx_ranks(model);
  if (!ranks) return PARE_OUT_OF_MEMORY;
  pare_status status = check_nodes(model, ranks, opset);
  pare_free(model->ctx, ranks);
  PARE_TRY(status);
  int64_t least = pare_onnx_ir_of_opset(opset);
  if (least < WITHOUT_LISTED_INPUTS) least = WITHOUT_LISTED_INPUTS;
  for (int i = 0; i < model->n_values; i++) {
    if (model->values[i].sparse && least < PARE_ONNX_SPARSE_IR) least = PARE_ONNX_SPARSE_IR;
  }
  model->ir_version = least;
  return pare_model_set_opset(model, "", opset);
}
