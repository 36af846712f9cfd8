/* One graph's nodes put into another: the branch that an If takes, the body of a model-local function. Values, initializers and nodes
 * come in under names of their own, made unique; tensors are shared. */
#include <string.h>

#include "graph/graph.h"

/* `map` [graph->n_values]: the model's value for each of the graph's. */
static pare_status bring_values(pare_model *model, const pare_model *graph, const int *inputs, int *map) {
  for (int i = 0; i < graph->n_values; i++) map[i] = -1;
  for (int i = 0; i < graph->n_inputs; i++) map[graph->inputs[i]] = inputs[i];
  for (int i = 0; i < graph->n_values; i++) {
    const pare_value *from = &graph->values[i];
    bool is_input = from->i_producer < 0 && !from->is_initializer;
    if (is_input) continue;
    const pare_shape *shape = from->has_shape ? &from->shape : NULL;
    PARE_TRY(pare_model_add_value(model, from->name, from->dtype, shape, &map[i]));
    pare_value *to = &model->values[map[i]];
    to->kind = from->kind;
    to->from_attr = from->from_attr;
    if (!from->is_initializer) continue;
    pare_tensor shared = pare_tensor_retain(&from->tensor);
    pare_model_set_initializer(model, map[i], &shared);
  }
  return PARE_OK;
}

static void map_links(int *links, int n, const int *map) {
  for (int i = 0; i < n; i++)
    if (links[i] >= 0) links[i] = map[links[i]];
}

static pare_status bring_node(pare_model *model, const pare_node *from, const int *map) {
  pare_node *node;
  PARE_TRY(pare_model_add_node(model, from->op_type, from->domain, from->name, from->inputs, from->n_inputs,
                               from->outputs, from->n_outputs, &node));
  map_links(node->inputs, node->n_inputs, map);
  map_links(node->outputs, node->n_outputs, map);
  node->n_captured = from->n_captured;
  node->batched_scan = from->batched_scan;
  return pare_node_copy_attrs(model, node, from);
}

static pare_status bring_outputs(pare_model *model, const pare_model *graph, const int *outputs,
                                 const int *map) {
  for (int i = 0; i < graph->n_outputs; i++) {
    pare_node *node;
    int from = map[graph->outputs[i]];
    if (outputs[i] < 0 || from < 0) continue;
    PARE_TRY(pare_model_add_node(model, "Identity", "", "", &from, 1, &outputs[i], 1, &node));
  }
  return PARE_OK;
}

pare_status pare_model_inline(pare_model *model, const pare_model *graph, const int *inputs,
                              const int *outputs) {
  int *map = pare_alloc_array(model->ctx, (size_t)graph->n_values, sizeof(int));
  if (!map) return PARE_OUT_OF_MEMORY;
  pare_status status = bring_values(model, graph, inputs, map);
  for (int i = 0; i < graph->n_nodes && status == PARE_OK; i++)
    status = bring_node(model, &graph->nodes[i], map);
  if (status == PARE_OK) status = bring_outputs(model, graph, outputs, map);
  pare_free(model->ctx, map);
  return status;
}
