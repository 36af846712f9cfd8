/* Exporters store equal initializers once (PyTorch: behind Identity for the second reader; others by name), or all weights in Constant
 * nodes: layers that have nothing to do with each other would then have to lose the same channels, or look as if they had no
 * parameters. Here each reader gets an initializer of its own; the memory stays shared until one of them is changed. Matrices that
 * several nodes read by one name stay tied: that is meant. */
#include "compress/unshare.h"

/* The constant that a node only hands on: Identity of an initializer, or a Constant (Paddle's exporter keeps all weights so). */
static const pare_tensor *handed_on(const pare_model *model, const pare_node *node) {
  if (node->n_outputs != 1 || node->outputs[0] < 0) return NULL;
  for (int i = 0; i < model->n_outputs; i++)
    if (model->outputs[i] == node->outputs[0]) return NULL; /* a graph's output is made by a node */
  if (pare_node_is(node, "Identity")) return pare_model_const_input(model, node, 0);
  const pare_attr *value = pare_node_is(node, "Constant") ? pare_node_attr(node, "value") : NULL;
  return value && value->type == PARE_ATTR_TENSOR ? &value->tensor : NULL;
}

static void make_initializer(pare_model *model, pare_node *node) {
  const pare_tensor *constant = handed_on(model, node);
  if (!constant) return;
  pare_tensor shared = pare_tensor_retain(constant);
  pare_model_set_initializer(model, node->outputs[0], &shared);
  node->removed = true;
}

/* `seen` [n_values before]: a node has read it already. */
static pare_status own_vectors(pare_model *model, int i_node, bool *seen, int n_seen) {
  for (int k = 0; k < model->nodes[i_node].n_inputs; k++) {
    const int i = model->nodes[i_node].inputs[k];
    if (i < 0 || i >= n_seen || !model->values[i].is_initializer || model->values[i].tensor.shape.rank != 1)
      continue;
    if (!seen[i]) {
      seen[i] = true;
      continue;
    }
    pare_tensor shared = pare_tensor_retain(&model->values[i].tensor);
    const bool pruned = model->values[i].pruned;
    int i_own;
    PARE_TRY(pare_model_add_initializer(model, model->values[i].name, &shared, &i_own));
    model->values[i_own].pruned = pruned;
    model->nodes[i_node].inputs[k] = i_own;
  }
  return PARE_OK;
}

static pare_status unshare(pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) make_initializer(model, &model->nodes[i]);
  PARE_TRY(pare_model_finish(model));
  const int n_values = model->n_values;
  bool *seen = pare_alloc_array(model->ctx, (size_t)n_values, sizeof *seen);
  if (!seen) return PARE_OUT_OF_MEMORY;
  pare_status status = PARE_OK;
  for (int i = 0; i < model->n_nodes && status == PARE_OK; i++)
    status = own_vectors(model, i, seen, n_values);
  pare_free(model->ctx, seen);
  return status == PARE_OK ? pare_model_finish(model) : status;
}

static bool shares(const pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++)
    if (handed_on(model, &model->nodes[i])) return true;
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (value->is_initializer && value->tensor.shape.rank == 1 && value->n_uses > 1) return true;
  }
  return false;
}

pare_status pare_unshare(const pare_model *source, pare_model **out) {
  *out = NULL;
  pare_model *model;
  if (!shares(source)) {
    *out = pare_model_retain(source);
    return PARE_OK;
  }
  PARE_TRY(pare_model_clone(source, &model));
  pare_status status = unshare(model);
  if (status == PARE_OK)
    *out = model;
  else
    pare_model_free(model);
  return status;
}
