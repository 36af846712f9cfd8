/* More operators on values between DequantizeLinear and QuantizeLinear that become integer operators, as fuse_qdq.c does it for those that most
 * networks have: Mul -> QLinearMul; AveragePool -> QLinearAveragePool; ReduceMean over an image -> QLinearGlobalAveragePool; Concat ->
 * QLinearConcat; LeakyRelu, Sigmoid -> QLinearLeakyRelu, QLinearSigmoid. */
#include <string.h>

#include "session/fuse.h"

/* The integer operator knows no dilations, and with ceil_mode counts padding that is not there. */
static pare_status fuse_average_pool(pare_model *model, pare_node *node) {
  size_t n;
  const int64_t *dilations = pare_node_ints(node, "dilations", &n);
  for (size_t i = 0; i < n; i++)
    if (dilations[i] != 1) return PARE_OK;
  pare_node_ints(node, "kernel_shape", &n);
  if (n > 2 || (pare_node_int(node, "ceil_mode", 0) && pare_node_int(node, "count_include_pad", 0)))
    return PARE_OK;
  PARE_TRY(pare_fuse_unary(model, node, "QLinearAveragePool"));
  if (!pare_node_is(node, "AveragePool")) pare_node_remove_attr(node, "dilations");
  return PARE_OK;
}

/* The rank of a value whose producers lead back to a convolution; -1. */
static int rank_of(const pare_model *model, int i_value) {
  for (int steps = 0; steps < 64 && i_value >= 0; steps++) {
    const pare_value *value = &model->values[i_value];
    if (value->is_initializer) return value->tensor.shape.rank;
    if (value->has_shape) return value->shape.rank;
    if (value->i_producer < 0) return -1;
    const pare_node *node = &model->nodes[value->i_producer];
    const bool conv = pare_node_is(node, "Conv"), integer = pare_node_is(node, "QLinearConv");
    const bool same = pare_node_is(node, "QuantizeLinear") || pare_node_is(node, "DequantizeLinear") ||
                      (node->op && node->op->layout == PARE_LAYOUT_ANY && node->op->max_in == 1);
    if ((!conv && !integer && !same) || node->n_inputs < 2 * conv + 4 * integer) return -1;
    i_value = node->inputs[conv      ? 1
                           : integer ? 3
                                     : 0]; /* a convolution's weights have the rank of its image */
  }
  return -1;
}

bool pare_is_image_mean(const pare_model *model, const pare_node *node) {
  const pare_tensor *axes = node->n_inputs > 1 ? pare_model_const_input(model, node, 1) : NULL;
  const int rank = pare_node_is(node, "ReduceMean") ? rank_of(model, node->inputs[0]) : -1;
  if (!axes || rank < 3 || pare_tensor_count(axes) != rank - 2) return false;
  uint32_t seen = 0;
  for (int i = 0; i < rank - 2; i++) {
    const int64_t axis = pare_tensor_get_s64(axes, i);
    const int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 2 || at >= rank) return false;
    seen |= 1u << at;
  }
  return seen == (1u << rank) - 4;
}

/* The mean over an image; without keepdims a Flatten follows. */
static pare_status fuse_reduce_mean(pare_model *model, pare_node *node) {
  const bool keeps = pare_node_int(node, "keepdims", 1) != 0;
  if (!pare_is_image_mean(model, node)) return PARE_OK;
  PARE_TRY(pare_fuse_unary(model, node, "QLinearGlobalAveragePool"));
  if (pare_node_is(node, "ReduceMean")) return PARE_OK;
  node->n_attrs = 0;
  if (keeps) return PARE_OK;
  const int i_out = node->outputs[0];
  const pare_value *out = &model->values[i_out];
  const char *name = node->name;
  int i_mean;
  PARE_TRY(pare_model_add_value(model, out->name, PARE_NONE, NULL, &i_mean));
  node->outputs[0] = i_mean;
  return pare_model_add_node(model, "Flatten", "", name, &i_mean, 1, &i_out, 1, &node);
}

/* Inputs of other scales, or zero points, than the output's. */
static pare_status fuse_concat(pare_model *model, pare_node *node) {
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (end.q.i_node < 0 || end.i_activation >= 0) return PARE_OK;
  int *inputs = pare_arena_array(&model->arena, 2 + 3 * (size_t)node->n_inputs, sizeof(int));
  if (!inputs) return PARE_OUT_OF_MEMORY;
  inputs[0] = end.q.i_scale;
  inputs[1] = end.q.i_zero;
  for (int i = 0; i < node->n_inputs; i++) {
    pare_fuse_pair x;
    if (!pare_fuse_activation(model, node->inputs[i], &x) || x.zero->dtype != end.q.zero->dtype)
      return PARE_OK;
    memcpy(inputs + 2 + 3 * i, (const int[]){x.i_quantized, x.i_scale, x.i_zero}, 3 * sizeof(int));
  }
  return pare_fuse_become(model, node, "QLinearConcat", "com.microsoft", inputs, 2 + 3 * node->n_inputs, &end,
                          true);
}

bool pare_pads_nothing(const pare_model *model, const pare_node *node) {
  const pare_tensor *pads =
      pare_node_is(node, "Pad") && node->n_inputs > 1 ? pare_model_const_input(model, node, 1) : NULL;
  if (!pads) return false;
  for (int64_t i = 0; i < pare_tensor_count(pads); i++)
    if (pare_tensor_get_s64(pads, i) != 0) return false;
  return true;
}

/* What it would pad with has the type of the data, and nobody reads it. */
static pare_status fuse_empty_pad(pare_model *model, pare_node *node) {
  const int i_out = node->outputs[0];
  PARE_TRY(pare_fuse_same(model, node, 1));
  if (node->outputs[0] != i_out) node->n_inputs = 2;
  return PARE_OK;
}

static pare_status fuse_node(pare_model *model, pare_node *node) {
  if (!node->op || node->n_outputs != 1 || node->n_inputs < 1 || node->outputs[0] < 0) return PARE_OK;
  if (pare_node_is(node, "AveragePool")) return fuse_average_pool(model, node);
  if (pare_node_is(node, "Concat")) return fuse_concat(model, node);
  if (pare_node_is(node, "LeakyRelu")) return pare_fuse_unary(model, node, "QLinearLeakyRelu");
  if (pare_node_is(node, "Mul")) return pare_fuse_binary(model, node, "QLinearMul");
  if (pare_pads_nothing(model, node)) return fuse_empty_pad(model, node);
  if (pare_node_is(node, "ReduceMean")) return fuse_reduce_mean(model, node);
  if (pare_node_is(node, "Sigmoid")) return pare_fuse_unary(model, node, "QLinearSigmoid");
  return PARE_OK;
}

pare_status pare_fuse_values(pare_model *model, pare_numerics numerics) {
  (void)numerics;
  const int n_nodes = model->n_nodes;
  for (int i = 0; i < n_nodes; i++)
    if (!model->nodes[i].removed) PARE_TRY(fuse_node(model, &model->nodes[i]));
  return pare_fuse_finish(model, false);
}
