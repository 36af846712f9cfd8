/* Roles of initializers, by the inputs that read them. */
#include "train/parameters.h"

#include <string.h>

static const struct place {
  const char *op_type;
  int i_input;
  pare_role role;
} places[] = {
#define X(op_type, i_input, role) {op_type, i_input, PARE_ROLE_##role},
#include "train/parameters.def"
#undef X
};

static bool moves_values(const pare_node *node) {
  static const char *const movers[] = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
  for (size_t i = 0; i < PARE_COUNT(movers); i++) {
    if (pare_node_is(node, movers[i])) return true;
  }
  return false;
}

int pare_parameter_value(const pare_model *model, const pare_node *node, int i_input) {
  int i_value = i_input < node->n_inputs ? node->inputs[i_input] : -1;
  while (i_value >= 0 && !model->values[i_value].is_initializer) {
    int i_producer = model->values[i_value].i_producer;
    if (i_producer < 0 || !moves_values(&model->nodes[i_producer])) return -1;
    i_value = model->nodes[i_producer].inputs[0];
  }
  return i_value >= 0 && model->values[i_value].tensor.dtype == PARE_F32 ? i_value : -1;
}

pare_role pare_parameter_role(const pare_model *model, const pare_node *node, int i_input) {
  for (size_t i = 0; i < PARE_COUNT(places); i++) {
    if (places[i].i_input != i_input || !pare_node_is(node, places[i].op_type)) continue;
    int i_value = pare_parameter_value(model, node, i_input);
    if (i_value < 0) return PARE_ROLE_NONE;
    bool element_wise = pare_node_is(node, "Add") || pare_node_is(node, "Mul");
    bool scalar = pare_tensor_count(&model->values[i_value].tensor) <= 1;
    return element_wise && scalar ? PARE_ROLE_NONE : places[i].role;
  }
  return PARE_ROLE_NONE;
}

void pare_parameter_roles(const pare_model *model, pare_role *roles) {
  for (int i = 0; i < model->n_values; i++) roles[i] = PARE_ROLE_NONE;
  for (int i_node = 0; i_node < model->n_nodes; i_node++) {
    const pare_node *node = &model->nodes[i_node];
    for (int i = 0; i < node->n_inputs; i++) {
      pare_role role = pare_parameter_role(model, node, i);
      if (role != PARE_ROLE_NONE) roles[pare_parameter_value(model, node, i)] = role;
    }
  }
}

static bool is_quantized(const pare_node *node) {
  return strstr(node->op_type, "QuantizeLinear") != NULL || strstr(node->op_type, "Integer") != NULL ||
         strncmp(node->op_type, "QLinear", 7) == 0 || strncmp(node->op_type, "Dynamic", 7) == 0;
}

pare_status pare_model_trainable(const pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) {
    if (!is_quantized(&model->nodes[i])) continue;
    return pare_fail(model->ctx, PARE_UNSUPPORTED, "node '%s' (%s) is quantized: train before quantize",
                     model->nodes[i].name, model->nodes[i].op_type);
  }
  return PARE_OK;
}

pare_status pare_model_logits(const pare_model *model, pare_model **out) {
  *out = NULL;
  int i_producer = model->n_outputs > 0 ? model->values[model->outputs[0]].i_producer : -1;
  if (i_producer < 0 || (!pare_node_is(&model->nodes[i_producer], "Softmax") &&
                         !pare_node_is(&model->nodes[i_producer], "LogSoftmax"))) {
    *out = pare_model_retain(model);
    return PARE_OK;
  }
  pare_model *clone;
  PARE_TRY(pare_model_clone(model, &clone));
  clone->outputs[0] = clone->nodes[i_producer].inputs[0];
  clone->n_outputs = 1;
  clone->nodes[i_producer].removed = true;
  pare_status status = pare_model_finish(clone);
  if (status != PARE_OK) {
    pare_model_free(clone);
    return status;
  }
  *out = clone;
  return PARE_OK;
}
