/* Between the files that turn DequantizeLinear -> operator -> QuantizeLinear into integer operators. */
#ifndef PARE_FUSE_H
#define PARE_FUSE_H

#include "session/plan.h"

/* What a QuantizeLinear or DequantizeLinear says; values, and the constants behind them. */
typedef struct pare_fuse_pair {
  int i_node;      /* the QuantizeLinear, -1: none */
  int i_quantized; /* the integer value */
  int i_scale, i_zero;
  const pare_tensor *scale, *zero;
} pare_fuse_pair;

/* What follows a node: an activation that can be its clamp, then perhaps a QuantizeLinear. */
typedef struct pare_fuse_ending {
  int i_activation; /* -1: none */
  int i_output;     /* f32, behind the activation */
  float low, high;
  pare_fuse_pair q; /* i_node -1: none */
} pare_fuse_ending;

/* What makes `i_value`: a DequantizeLinear from 8 bits with one scale. */
bool pare_fuse_activation(const pare_model *model, int i_value, pare_fuse_pair *out);
pare_fuse_ending pare_fuse_ending_of(const pare_model *model, const pare_node *node);
/* Whether a node is a Relu, or a Clip whose bounds are constant and in order: what lies between `low` and `high` stays. */
bool pare_fuse_read_clamp(const pare_model *model, const pare_node *node, float *low, float *high);
/* Turns `node` into `op`, taking over what follows it. `quantized`: up to the QuantizeLinear, else up to the activation. */
pare_status pare_fuse_become(pare_model *model, pare_node *node, const char *op, const char *domain,
                             const int *inputs, int n, const pare_fuse_ending *end, bool quantized);
/* Where it has what the integer operator takes: A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point; and X, X_scale,
 * X_zero_point, Y_scale, Y_zero_point. */
pare_status pare_fuse_binary(pare_model *model, pare_node *node, const char *op);
pare_status pare_fuse_unary(pare_model *model, pare_node *node, const char *op);
/* Where every data input comes from, and the output goes to, integers of one scale and zero point: the operator moves those. */
pare_status pare_fuse_same(pare_model *model, pare_node *node, int n_data);
/* Drops QuantizeLinear and DequantizeLinear that nothing reads, with `any` also what computes element by element; finishes the model. */
pare_status pare_fuse_finish(pare_model *model, bool any);

#endif
