/* What becomes int8 (quant_plan.h). Weighted layers quantize their data input; a convolution also its output, behind its activation. Operators that
 * only move values hand the wish on to their inputs and share the scale. Graph outputs stay as they are, so logits are f32. */
#include <string.h>

#include "compress/quant/quant_plan.h"
#include "ops/op.h"
#include "session/session.h"

/* The constant behind a value: an initializer or a Constant node's tensor; NULL otherwise. */
static const pare_tensor *constant_of(const pare_model *model, int i_value) {
  if (i_value < 0) return NULL;
  const pare_value *value = &model->values[i_value];
  if (value->is_initializer) return &value->tensor;
  if (value->i_producer < 0 || !pare_node_is(&model->nodes[value->i_producer], "Constant")) return NULL;
  const pare_attr *attr = pare_node_attr(&model->nodes[value->i_producer], "value");
  return attr && attr->type == PARE_ATTR_TENSOR ? &attr->tensor : NULL;
}

bool pare_quant_read_layer(const pare_model *model, const pare_node *node, pare_quant_layer *out) {
  const bool conv = pare_node_is(node, "Conv"), gemm = pare_node_is(node, "Gemm");
  const bool transposed = pare_node_is(node, "ConvTranspose") && pare_node_int(node, "group", 1) == 1;
  if ((!conv && !transposed && !gemm && !pare_node_is(node, "MatMul")) || node->n_inputs < 2) return false;
  const pare_tensor *w = pare_model_const_input(model, node, 1);
  if (!w || w->dtype != PARE_F32 || pare_model_const_input(model, node, 0) || node->inputs[0] < 0)
    return false;
  if (conv || transposed ? w->shape.rank < 3 : w->shape.rank != 2) return false;
  if (gemm && (pare_node_int(node, "transA", 0) || pare_node_float(node, "alpha", 1.0f) != 1.0f ||
               pare_node_float(node, "beta", 1.0f) != 1.0f))
    return false;
  *out = (pare_quant_layer){.i_weight = node->inputs[1], .i_bias = -1};
  out->axis = conv ? 0 : gemm && pare_node_int(node, "transB", 0) ? 0 : 1;
  out->n_out = w->shape.dims[out->axis];
  if (node->n_inputs < 3 || node->inputs[2] < 0) return true;
  const pare_tensor *b = pare_model_const_input(model, node, 2);
  out->i_bias = node->inputs[2];
  return b && b->dtype == PARE_F32 && b->shape.rank == 1 && pare_tensor_count(b) == out->n_out;
}

int pare_quant_tail(const pare_model *model, int i_value) {
  if (model->values[i_value].n_uses != 1) return i_value;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    if (node->n_inputs < 1 || node->inputs[0] != i_value) continue;
    if (!pare_node_is(node, "Relu") && !pare_node_is(node, "Clip")) return i_value;
    for (int k = 1; k < node->n_inputs; k++)
      if (node->inputs[k] >= 0 && !constant_of(model, node->inputs[k])) return i_value;
    return node->outputs[0];
  }
  return i_value;
}

int pare_quant_group(const pare_quant_plan *plan, int i_value) {
  while (plan->shares[i_value] != i_value) i_value = plan->shares[i_value];
  return i_value;
}

static bool is_output(const pare_model *model, int i_value) {
  for (int i = 0; i < model->n_outputs; i++)
    if (model->outputs[i] == i_value) return true;
  return false;
}

/* How many of its inputs are data. */
static int n_data_of(const pare_node *node) {
  return pare_node_is(node, "Concat") || pare_is_pointwise(node) ? node->n_inputs : 1;
}

static bool all_computed(const pare_quant_plan *plan, const pare_node *node) {
  for (int i = 0; i < n_data_of(node); i++)
    if (node->inputs[i] < 0 || constant_of(plan->model, node->inputs[i]) || !plan->is_f32[node->inputs[i]])
      return false;
  return node->n_inputs > 0;
}

/* A Relu or Clip that the operator in front of it takes over. */
static bool is_tail(const pare_quant_plan *plan, const pare_node *node) {
  const int i_producer = plan->model->values[node->inputs[0]].i_producer;
  if (i_producer < 0 || pare_quant_tail(plan->model, node->inputs[0]) != node->outputs[0]) return false;
  const pare_quant_role role = plan->roles[i_producer];
  return role == PARE_ROLE_WEIGHTED || role == PARE_ROLE_VALUES || role == PARE_ROLE_ASKED;
}

/* The one value that a node's output is a function of, element by element; -1. */
static int root_of(const pare_quant_plan *plan, const pare_node *node) {
  if (node->n_outputs != 1 || node->n_inputs < 1 || node->inputs[0] < 0) return -1;
  if (pare_node_is(node, "BatchNormalization")) return plan->roots[node->inputs[0]];
  if (!pare_is_pointwise(node)) return -1;
  int root = -1;
  for (int i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] < 0) continue;
    const pare_tensor *constant = constant_of(plan->model, node->inputs[i]);
    if (constant && pare_tensor_count(constant) == 1) continue;
    if (constant || !plan->is_f32[node->inputs[i]]) return -1;
    const int from = plan->roots[node->inputs[i]];
    if (root >= 0 && from != root) return -1;
    root = from;
  }
  return root;
}

static pare_quant_role role_of_values(const pare_quant_plan *plan, const pare_node *node) {
  const bool asked =
      pare_node_is(node, "Mul") || pare_is_image_mean(plan->model, node) || pare_node_is(node, "AveragePool");
  if (!asked && !pare_node_is(node, "Add") && !pare_node_is(node, "GlobalAveragePool")) return PARE_ROLE_F32;
  if (!all_computed(plan, node)) return PARE_ROLE_F32;
  return asked ? PARE_ROLE_ASKED : PARE_ROLE_VALUES;
}

/* Operators that have an integer form in the session; others of their kind stay f32 rather than be simulated. */
static pare_quant_role role_of(const pare_quant_plan *plan, const pare_node *node) {
  pare_quant_layer layer;
  if (!node->op || node->n_inputs < 1 || node->inputs[0] < 0) return PARE_ROLE_F32;
  if (root_of(plan, node) >= 0 && !is_tail(plan, node)) return PARE_ROLE_POINTWISE;
  if (node->domain[0] != 0) return PARE_ROLE_F32;
  switch (node->op->quant) {
  case PARE_QUANT_WEIGHTED:
    return pare_quant_read_layer(plan->model, node, &layer) ? PARE_ROLE_WEIGHTED : PARE_ROLE_F32;
  case PARE_QUANT_SAME: return PARE_ROLE_SAME;
  case PARE_QUANT_VALUES:
    if (pare_node_is(node, "Concat")) return all_computed(plan, node) ? PARE_ROLE_SAME : PARE_ROLE_F32;
    return role_of_values(plan, node);
  default: return pare_pads_nothing(plan->model, node) ? PARE_ROLE_SAME : role_of_values(plan, node);
  }
}

/* Operators with a gradient keep the type of what they compute from. */
static bool gives_f32(const pare_quant_plan *plan, const pare_node *node) {
  if (pare_node_is(node, "Cast")) return pare_node_int(node, "to", 0) == PARE_F32;
  if (!node->op || node->n_inputs < 1 || node->inputs[0] < 0) return false;
  return node->op->quant == PARE_QUANT_WEIGHTED || (node->op->backward && plan->is_f32[node->inputs[0]]);
}

static void look_at_node(pare_quant_plan *plan, int i_node) {
  const pare_node *node = &plan->model->nodes[i_node];
  plan->roles[i_node] = role_of(plan, node);
  for (int k = 0; k < node->n_outputs; k++)
    if (node->outputs[k] >= 0) plan->is_f32[node->outputs[k]] |= gives_f32(plan, node);
  if (plan->roles[i_node] == PARE_ROLE_POINTWISE) plan->roots[node->outputs[0]] = root_of(plan, node);
}

static void want_output(pare_quant_plan *plan, int i_value) {
  const int tail = pare_quant_tail(plan->model, i_value);
  if (!is_output(plan->model, tail)) plan->wanted[tail] = true;
}

static void want_of_node(pare_quant_plan *plan, const pare_node *node, pare_quant_role role) {
  if (role == PARE_ROLE_WEIGHTED) {
    plan->wanted[node->inputs[0]] = true;
    if (pare_node_is(node, "Conv")) want_output(plan, node->outputs[0]);
  } else if (role == PARE_ROLE_VALUES) {
    for (int i = 0; i < n_data_of(node); i++) plan->wanted[node->inputs[i]] = true;
    want_output(plan, node->outputs[0]);
  }
}

/* Where a Concat alone reads its input, one scale for both makes it a copy at no loss; else the input keeps a finer one of its own. */
static bool shares_scale(const pare_model *model, const pare_node *node, int i_value) {
  return !pare_node_is(node, "Concat") || model->values[i_value].n_uses == 1;
}

static void carry_back_same(pare_quant_plan *plan, const pare_node *node) {
  for (int k = 0; k < node->n_outputs; k++) {
    if (node->outputs[k] < 0 || !plan->wanted[node->outputs[k]]) continue;
    for (int j = 0; j < n_data_of(node); j++) {
      plan->wanted[node->inputs[j]] = true;
      if (shares_scale(plan->model, node, node->inputs[j]))
        plan->shares[pare_quant_group(plan, node->outputs[k])] = pare_quant_group(plan, node->inputs[j]);
    }
  }
}

/* Behind a layer that stays f32, a function of its output stays so too. */
static bool is_int8_root(const pare_quant_plan *plan, int i_value) {
  const int i_producer = plan->model->values[i_value].i_producer;
  return i_producer >= 0 && plan->roles[i_producer] != PARE_ROLE_F32;
}

/* Nodes stand in topological order, so one walk from the end carries a wish through any chain. */
static void carry_back(pare_quant_plan *plan) {
  const pare_model *model = plan->model;
  for (int i = model->n_nodes - 1; i >= 0; i--) {
    const pare_node *node = &model->nodes[i];
    if (plan->roles[i] == PARE_ROLE_SAME) carry_back_same(plan, node);
    if (plan->roles[i] == PARE_ROLE_POINTWISE && plan->wanted[node->outputs[0]])
      plan->wanted[plan->roots[node->outputs[0]]] |= is_int8_root(plan, plan->roots[node->outputs[0]]);
    if (plan->roles[i] == PARE_ROLE_ASKED && plan->wanted[pare_quant_tail(model, node->outputs[0])])
      for (int j = 0; j < n_data_of(node); j++) plan->wanted[node->inputs[j]] = true;
  }
}

pare_status pare_quant_plan_make(const pare_model *model, const pare_layer_choice *choice, pare_arena *arena,
                                 pare_quant_plan *plan) {
  const size_t n = (size_t)model->n_values;
  PARE_TRY(pare_layer_choice_check(model, choice));
  *plan = (pare_quant_plan){.model = model,
                            .roles = pare_arena_array(arena, (size_t)model->n_nodes, sizeof *plan->roles),
                            .wanted = pare_arena_array(arena, n, sizeof *plan->wanted),
                            .shares = pare_arena_array(arena, n, sizeof *plan->shares),
                            .roots = pare_arena_array(arena, n, sizeof *plan->roots),
                            .is_f32 = pare_arena_array(arena, n, sizeof *plan->is_f32),
                            .ranges = pare_arena_array(arena, n, sizeof *plan->ranges)};
  if (!plan->roles || !plan->wanted || !plan->shares || !plan->roots || !plan->is_f32 || !plan->ranges)
    return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_values; i++) {
    plan->shares[i] = plan->roots[i] = i;
    plan->is_f32[i] = model->values[i].dtype == PARE_F32;
  }
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    look_at_node(plan, i);
    pare_quant_role role = plan->roles[i];
    const bool weighted = role == PARE_ROLE_WEIGHTED;
    if (pare_names_have(&choice->exclude, node->name)) role = PARE_ROLE_F32;
    if (choice->layers.n > 0 && role != PARE_ROLE_SAME && !pare_names_have(&choice->layers, node->name))
      role = PARE_ROLE_F32;
    plan->roles[i] = role;
    plan->n_weighted += role == PARE_ROLE_WEIGHTED;
    plan->n_kept += weighted && role != PARE_ROLE_WEIGHTED;
    want_of_node(plan, node, role);
  }
  carry_back(plan);
  if (plan->n_weighted > 0) return PARE_OK;
  return pare_fail(
      model->ctx, PARE_BAD_RECIPE,
      "there is no layer to quantize: Conv, ConvTranspose, Gemm or MatMul with constant weights");
}
