/* Which initializers are learned. An ONNX file does not say: a weight, the bound of a Clip and a mean
 * that preprocessing takes off are all initializers. What decides is the place where one is used
 * (parameters.def). */
#ifndef PARE_PARAMETERS_H
#define PARE_PARAMETERS_H

#include "graph/graph.h"

typedef enum pare_role {
  PARE_ROLE_NONE, /* a constant */
  PARE_ROLE_WEIGHT,
  PARE_ROLE_BIAS,
  PARE_ROLE_SCALE,
  PARE_ROLE_TABLE, /* rows that Gather looks up */
  PARE_ROLE_MEAN,  /* BatchNormalization's running statistics: followed, not learned */
  PARE_ROLE_VARIANCE
} pare_role;

/* The f32 initializer behind input `i_input` of a node, seen through operators that only move values
 * (Transpose, Reshape, ...); -1. */
int pare_parameter_value(const pare_model *model, const pare_node *node, int i_input);
/* Of input `i_input` of a node: NONE unless there is an f32 initializer behind it. Scalars of Add and Mul
 * are constants. */
pare_role pare_parameter_role(const pare_model *model, const pare_node *node, int i_input);
/* Has a gradient: weights, biases, scales, tables. */
static inline bool pare_role_is_learned(pare_role role) {
  return role >= PARE_ROLE_WEIGHT && role <= PARE_ROLE_TABLE;
}
static inline bool pare_role_is_statistic(pare_role role) {
  return role >= PARE_ROLE_MEAN;
}
/* roles[model->n_values]. */
void pare_parameter_roles(const pare_model *model, pare_role *roles);
/* UNSUPPORTED naming the first integer or quantized node: such a model can no longer be trained. */
pare_status pare_model_trainable(const pare_model *model);
/* The model whose output 0 is the logits: `model` itself, retained, or a clone without the Softmax or
 * LogSoftmax at its end, because losses take logits. */
pare_status pare_model_logits(const pare_model *model, pare_model **out);

#endif
