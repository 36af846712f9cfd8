/* Layers that take several nodes. Dynamic quantization spells one Gemm as
 *   DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul(scales) -> Add(bias)
 *   scales = Mul(input scale, weight scales),
 * the pattern of ONNX Runtime's quantize_dynamic. The table shows it as the one layer it stands for, under
 * the name of the node it was. */
#include <string.h>

#include "measure/rows.h"

static bool is_const(const pare_model *model, int i_value) {
  return i_value >= 0 && model->values[i_value].is_initializer;
}

/* The one node that reads output 0 of a node, when it is of this kind; -1 otherwise. */
static int only_reader(const pare_model *model, int i_node, const char *op_type) {
  const pare_node *node = &model->nodes[i_node];
  int found = -1;
  if (node->n_outputs < 1 || node->outputs[0] < 0 || model->values[node->outputs[0]].n_uses != 1) return -1;
  for (int i = 0; i < model->n_nodes && found < 0; i++)
    for (int k = 0; k < model->nodes[i].n_inputs; k++)
      if (model->nodes[i].inputs[k] == node->outputs[0]) found = i;
  return found >= 0 && pare_node_is(&model->nodes[found], op_type) ? found : -1;
}

/* The Mul of two scales that a node reads, one of them a constant; -1: none. */
static int scales_of(const pare_model *model, const pare_node *scaled) {
  for (int k = 0; k < scaled->n_inputs; k++) {
    int i_value = scaled->inputs[k], i_node = i_value < 0 ? -1 : model->values[i_value].i_producer;
    if (i_node < 0 || !pare_node_is(&model->nodes[i_node], "Mul") || model->values[i_value].n_uses != 1)
      continue;
    const pare_node *node = &model->nodes[i_node];
    if (is_const(model, node->inputs[0]) || is_const(model, node->inputs[1])) return i_node;
  }
  return -1;
}

static void find_group(const pare_model *model, int i_head, int *owner) {
  int cast = only_reader(model, i_head, "Cast");
  int scaled = cast < 0 ? -1 : only_reader(model, cast, "Mul");
  if (scaled < 0) return;
  int scales = scales_of(model, &model->nodes[scaled]), bias = only_reader(model, scaled, "Add");
  if (bias >= 0 && !is_const(model, model->nodes[bias].inputs[0]) &&
      !is_const(model, model->nodes[bias].inputs[1]))
    bias = -1;
  owner[cast] = owner[scaled] = i_head;
  if (scales >= 0) owner[scales] = i_head;
  if (bias >= 0) owner[bias] = i_head;
}

pare_status pare_groups_find(const pare_model *model, int **out) {
  *out = pare_alloc_array(model->ctx, (size_t)model->n_nodes + 1, sizeof **out);
  if (*out == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_nodes; i++) (*out)[i] = i;
  for (int i = 0; i < model->n_nodes; i++)
    if (pare_node_is(&model->nodes[i], "MatMulInteger") || pare_node_is(&model->nodes[i], "ConvInteger"))
      find_group(model, i, *out);
  return PARE_OK;
}

char *pare_group_name(pare_arena *arena, const pare_node *head) {
  size_t name = strlen(head->name), op = strlen(head->op_type);
  bool has_suffix =
      name > op + 1 && head->name[name - op - 1] == '_' && strcmp(head->name + name - op, head->op_type) == 0;
  return pare_arena_text_n(arena, head->name, has_suffix ? name - op - 1 : name);
}
