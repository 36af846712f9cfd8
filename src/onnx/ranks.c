/* The rank of each value as far as operators give it away without knowing shapes: enough to tell whether an
 * old Softmax's axis is the last one. Nodes are gone through in their order, in the internal form
 * (normalize.c). */
#include "onnx/onnx.h"

#include <string.h>

typedef enum rank_rule {
  RANK_SAME,      /* as input 0 */
  RANK_BROADCAST, /* the largest of the inputs' */
  RANK_MATRIX,    /* 2 */
  RANK_PERM,      /* as input 0, or as long as `perm` */
  RANK_DROPS,     /* input 0 less as many as input 1 has elements */
  RANK_ADDS,      /* input 0 and as many as input 1 has elements */
  RANK_TARGET     /* as many as input 1 has elements */
} rank_rule;

static const struct {
  const char *op;
  rank_rule rule;
} rules[] = {
    {"Add", RANK_BROADCAST},
    {"AveragePool", RANK_SAME},
    {"BatchNormalization", RANK_SAME},
    {"Cast", RANK_SAME},
    {"Clip", RANK_SAME},
    {"Concat", RANK_SAME},
    {"Conv", RANK_SAME},
    {"Div", RANK_BROADCAST},
    {"Dropout", RANK_SAME},
    {"Elu", RANK_SAME},
    {"Exp", RANK_SAME},
    {"Flatten", RANK_MATRIX},
    {"Gemm", RANK_MATRIX},
    {"GlobalAveragePool", RANK_SAME},
    {"GlobalMaxPool", RANK_SAME},
    {"HardSigmoid", RANK_SAME},
    {"Identity", RANK_SAME},
    {"LRN", RANK_SAME},
    {"LeakyRelu", RANK_SAME},
    {"LogSoftmax", RANK_SAME},
    {"MaxPool", RANK_SAME},
    {"Mul", RANK_BROADCAST},
    {"PRelu", RANK_SAME},
    {"Pad", RANK_SAME},
    {"Relu", RANK_SAME},
    {"Reshape", RANK_TARGET},
    {"Sigmoid", RANK_SAME},
    {"Slice", RANK_SAME},
    {"Softmax", RANK_SAME},
    {"Split", RANK_SAME},
    {"Squeeze", RANK_DROPS},
    {"Sub", RANK_BROADCAST},
    {"Sum", RANK_BROADCAST},
    {"Tanh", RANK_SAME},
    {"Transpose", RANK_PERM},
    {"Unsqueeze", RANK_ADDS},
};

static int input_rank(const pare_node *node, int i, const int *ranks) {
  return i < node->n_inputs && node->inputs[i] >= 0 ? ranks[node->inputs[i]] : -1;
}

static int broadcast_rank(const pare_node *node, const int *ranks) {
  int largest = -1;
  for (int i = 0; i < node->n_inputs; i++) {
    int rank = input_rank(node, i, ranks);
    if (rank < 0) return -1;
    if (rank > largest) largest = rank;
  }
  return largest;
}

static int output_rank(const pare_model *model, const pare_node *node, rank_rule rule, const int *ranks) {
  int rank = input_rank(node, 0, ranks);
  const pare_tensor *list = pare_model_const_input(model, node, 1);
  int64_t n = list ? pare_tensor_count(list) : -1;
  const pare_attr *perm = pare_node_attr(node, "perm");
  switch (rule) {
  case RANK_SAME: return rank;
  case RANK_BROADCAST: return broadcast_rank(node, ranks);
  case RANK_MATRIX: return 2;
  case RANK_PERM: return perm && perm->n <= PARE_MAX_RANK ? (int)perm->n : rank;
  case RANK_DROPS: return rank >= 0 && n >= 0 && n <= rank ? rank - (int)n : -1;
  case RANK_ADDS: return rank >= 0 && n >= 0 && n + rank <= PARE_MAX_RANK ? rank + (int)n : -1;
  case RANK_TARGET: return n <= PARE_MAX_RANK ? (int)n : -1;
  }
  return -1;
}

static int node_rank(const pare_model *model, const pare_node *node, const int *ranks) {
  for (size_t k = 0; k < PARE_COUNT(rules); k++) {
    if (pare_node_is(node, rules[k].op)) return output_rank(model, node, rules[k].rule, ranks);
  }
  return -1;
}

int *pare_onnx_ranks(const pare_model *model) {
  int *ranks = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof(*ranks));
  if (!ranks) return NULL;
  for (int i = 0; i < model->n_values; i++) {
    ranks[i] = model->values[i].has_shape ? model->values[i].shape.rank : -1;
  }
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    int rank = node_rank(model, node, ranks);
    for (int k = 0; k < node->n_outputs; k++) {
      if (node->outputs[k] >= 0 && ranks[node->outputs[k]] < 0) ranks[node->outputs[k]] = rank;
    }
  }
  return ranks;
}
