/* Which layers become int8, which values get a QuantizeLinear/DequantizeLinear pair, and which of those share one scale; then the rewriting. */
#ifndef PARE_QUANT_PLAN_H
#define PARE_QUANT_PLAN_H

#include "compress/layers.h"
#include "compress/quant/affine.h"
#include "compress/quant/schemes.h"

typedef enum pare_quant_role {
  PARE_ROLE_F32,      /* stays as it is */
  PARE_ROLE_WEIGHTED, /* Conv, ConvTranspose (one group), Gemm, MatMul with constant weights */
  PARE_ROLE_VALUES,   /* Add, GlobalAveragePool: int8 in, int8 out, a scale of its own */
  PARE_ROLE_ASKED, /* the same for what is int8 only where its output is wanted so: Mul, AveragePool, ReduceMean over images */
  PARE_ROLE_POINTWISE, /* a function of one tensor, element by element, as is what stands before it: only the ends are int8, a table between */
  PARE_ROLE_SAME       /* moves or selects values: in and out share a scale */
} pare_quant_role;

typedef struct pare_quant_plan {
  const pare_model *model;
  pare_quant_role *roles; /* [n_nodes] */
  bool *wanted;           /* [n_values]: gets a pair */
  int *shares;            /* [n_values]: another value of the same group, or itself (union-find) */
  int *roots;             /* [n_values]: what it is a function of, element by element; itself */
  bool *is_f32;           /* [n_values] */
  pare_range *ranges;     /* [n_values] */
  int n_weighted, n_kept; /* weighted layers that become int8, and those that stay f32 */
} pare_quant_plan;

/* Arrays live in `arena`. BAD_RECIPE: a name in `layers` or `exclude` that is no node. */
pare_status pare_quant_plan_make(const pare_model *model, const pare_layer_choice *choice, pare_arena *arena,
                                 pare_quant_plan *plan);
int pare_quant_group(const pare_quant_plan *plan, int i_value);
/* A weighted layer's constant operands, of a layer that can be quantized. */
typedef struct pare_quant_layer {
  int i_weight, i_bias; /* values; -1: no bias */
  int axis;             /* of the weights' output channels */
  int64_t n_out;
} pare_quant_layer;
static inline bool pare_quant_is_product(const pare_node *node) {
  return pare_node_is(node, "Gemm") || pare_node_is(node, "MatMul");
}
bool pare_quant_read_layer(const pare_model *model, const pare_node *node, pare_quant_layer *out);
/* The value behind a fused activation: of a Relu, or a Clip with constant bounds, that alone reads `i_value`; else `i_value`. */
int pare_quant_tail(const pare_model *model, int i_value);

/* Rewrites `model` (the plan's, not shared) to QDQ form and finishes it. */
pare_status pare_quant_rewrite(pare_model *model, const pare_quant_plan *plan, pare_dtype activation,
                               bool per_channel, pare_json *details);

#endif
